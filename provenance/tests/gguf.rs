//! GGUF headers against what an independent reader says of the same files (tests/vectors/gguf).

use provenance::tensor::{Format, Header, HeaderError, Layout, TensorIndex, gguf::Split, read_header};

macro_rules! vector {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../tests/vectors/gguf/", $name, ".gguf")).as_slice(),
            include_bytes!(concat!("../../tests/vectors/gguf/", $name, ".index.json")).as_slice(),
        )
    };
}

const VECTORS: [(&str, &[u8], &[u8]); 10] = [
    vector!("v3"),
    vector!("v2"),
    vector!("aligned-256"),
    vector!("padded-end"),
    vector!("unpadded-end"),
    vector!("shuffled"),
    vector!("no-tensors"),
    vector!("split-00001-of-00003"),
    vector!("split-00002-of-00003"),
    vector!("split-00003-of-00003"),
];

fn bytes_of(wanted: &str) -> &'static [u8] {
    let of = VECTORS.iter().find(|(name, ..)| *name == wanted);
    of.expect("a vector of this name").1
}

fn read(bytes: &[u8]) -> Result<Layout, HeaderError> {
    match read_header(bytes, bytes.len() as u64)? {
        Header::Read(layout) => Ok(layout),
        Header::Needs(needed) => panic!("all of the file is there, and it wants {needed} bytes"),
    }
}

#[test]
fn indexes_are_byte_for_byte_those_of_an_independent_reader() {
    for (name, bytes, expected) in VECTORS {
        let layout = read(bytes).unwrap();
        assert_eq!(layout.format, Format::Gguf, "{name}");
        let written = String::from_utf8(layout.index.to_bytes()).unwrap();
        assert_eq!(written, str::from_utf8(expected).unwrap(), "{name}");
        assert_eq!(TensorIndex::from_bytes(expected).unwrap(), layout.index, "{name}");
    }
}

#[test]
fn a_file_without_the_zeros_at_its_end_has_the_same_index_as_one_with_them() {
    let (padded, bare) = (bytes_of("padded-end"), bytes_of("unpadded-end"));
    let index = read(padded).unwrap().index;
    assert_eq!(read(bare).unwrap().index, index);
    let end = index.tensors().iter().map(|tensor| tensor.end).max();
    assert_eq!(end, Some(bare.len() as u64));
    // One byte less, and the last tensor is cut.
    assert!(read(&bare[..bare.len() - 1]).is_err());
}

#[test]
fn a_part_of_a_split_says_which_one_it_is() {
    let parts: Vec<_> = (1..=3)
        .map(|n| read(bytes_of(&format!("split-0000{n}-of-00003"))).unwrap().split)
        .collect();
    let split = |part| {
        Some(Split {
            part,
            parts: 3,
            tensors: Some(5),
        })
    };
    assert_eq!(parts, [split(0), split(1), split(2)]);
    assert_eq!(read(bytes_of("v3")).unwrap().split, None);
}

#[test]
fn a_header_asks_for_more_until_it_has_enough_and_never_for_more_than_there_is() {
    for (name, bytes, _) in VECTORS {
        let size = bytes.len() as u64;
        let whole = read(bytes).unwrap();
        let mut enough = None;
        for given in 0..=bytes.len() {
            match read_header(&bytes[..given], size).unwrap() {
                Header::Needs(needed) => {
                    assert_eq!(enough, None, "{name}: {given} bytes do, and more do not");
                    assert!(
                        needed > given as u64 && needed <= size,
                        "{name}: {given} {needed}"
                    );
                }
                Header::Read(layout) => {
                    assert_eq!(layout, whole, "{name} from {given} bytes");
                    enough.get_or_insert(given as u64);
                }
            }
        }
        // Data is never needed.
        let data = whole.index.tensors().first().map_or(size, |tensor| tensor.begin);
        assert!(enough.unwrap() <= data, "{name}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_or_has_all_its_tensors() {
    for (name, bytes, _) in VECTORS {
        let whole = read(bytes).unwrap();
        let end = whole.index.tensors().iter().map(|tensor| tensor.end).max();
        for size in 0..bytes.len() {
            match read(&bytes[..size]) {
                Ok(layout) => assert!(
                    layout == whole && end.is_none_or(|end| size as u64 >= end),
                    "{name} cut at {size}"
                ),
                Err(error) => assert!(!error.is_unsupported(), "{name} cut at {size}: {error}"),
            }
        }
    }
}
