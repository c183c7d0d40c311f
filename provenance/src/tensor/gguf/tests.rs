use super::*;

/// A GGUF file in the making. What a test does not set is as small as it can be.
struct Made {
    version: [u8; 4],
    pairs: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    counts: Option<(u64, u64)>,
    data: usize,
}

impl Made {
    fn new() -> Self {
        Self {
            version: 3_u32.to_le_bytes(),
            pairs: Vec::new(),
            tensors: Vec::new(),
            counts: None,
            data: 0,
        }
    }

    fn pair(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.pairs
            .push([&text(key), &kind.to_le_bytes()[..], value].concat());
        self
    }

    fn tensor(mut self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Self {
        let shape = [
            u32::try_from(shape.len()).unwrap().to_le_bytes().to_vec(),
            shape.iter().flat_map(|n| n.to_le_bytes()).collect(),
        ]
        .concat();
        let place = [&kind.to_le_bytes()[..], &offset.to_le_bytes()].concat();
        self.tensors.push([text(name), shape, place].concat());
        self
    }

    fn data(mut self, bytes: usize) -> Self {
        self.data = bytes;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let counted = (self.tensors.len() as u64, self.pairs.len() as u64);
        let (tensors, pairs) = self.counts.unwrap_or(counted);
        let mut bytes = [
            MAGIC,
            &self.version,
            &tensors.to_le_bytes(),
            &pairs.to_le_bytes(),
            &self.pairs.concat(),
            &self.tensors.concat(),
        ]
        .concat();
        if self.data > 0 {
            bytes.resize(bytes.len().next_multiple_of(32) + self.data, 0);
        }
        bytes
    }

    fn read(&self) -> Result<TensorIndex, GgufError> {
        let bytes = self.bytes();
        match read(&bytes, bytes.len() as u64)? {
            Step::Read(index, _) => Ok(index),
            Step::Needs(needed) => panic!("all of the file is there, and it wants {needed} bytes"),
        }
    }

    fn said(&self) -> String {
        self.read().unwrap_err().to_string()
    }
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// An array's type, count and items.
fn array(item: u32, count: u64, items: &[u8]) -> Vec<u8> {
    [&item.to_le_bytes()[..], &count.to_le_bytes(), items].concat()
}

#[test]
fn other_versions_and_byte_orders_are_refused_by_name() {
    let of = |version: [u8; 4]| Made {
        version,
        ..Made::new()
    };
    for (version, wanted) in [
        (of([1, 0, 0, 0]), GgufError::Version { found: 1 }),
        (of([4, 0, 0, 0]), GgufError::Version { found: 4 }),
        (of([0, 0, 0, 0]), GgufError::Version { found: 0 }),
        (of([0, 0, 0, 3]), GgufError::BigEndian),
        (of([0, 0, 0, 2]), GgufError::BigEndian),
    ] {
        let error = version.read().unwrap_err();
        assert_eq!(error, wanted);
        assert!(error.is_unsupported());
    }
}

#[test]
fn a_type_that_is_not_known_is_named_and_not_guessed() {
    for kind in [4, 9, 36, 42, 1000, u32::MAX] {
        let made = Made::new().tensor("w", &[32], kind, 0).data(64);
        let error = made.read().unwrap_err();
        assert!(
            error.is_unsupported() && error.to_string().contains(&kind.to_string()),
            "{error}"
        );
    }
}

#[test]
fn metadata_of_every_kind_is_stepped_over() {
    let made = (0..=12)
        .filter(|kind| width(*kind).is_some())
        .fold(Made::new(), |made, kind| {
            let bytes = vec![0xff; usize::try_from(width(kind).unwrap()).unwrap()];
            made.pair("scalar", kind, &bytes)
                .pair("list", ARRAY, &array(kind, 2, &bytes.repeat(2)))
        });
    let inner = array(STRING, 2, &[text("a"), text("")].concat());
    let made = made
        .pair("text", STRING, &text("é"))
        .pair("nested", ARRAY, &array(ARRAY, 2, &inner.repeat(2)))
        .tensor("w", &[2], 0, 0)
        .data(8);
    let index = made.read().unwrap();
    assert_eq!(index.tensors()[0].name, "w");
}

#[test]
fn arrays_nest_only_so_deep() {
    let nested = |depth: usize| {
        let value = (1..depth).fold(array(0, 0, b""), |inner, _| array(ARRAY, 1, &inner));
        Made::new().pair("deep", ARRAY, &value)
    };
    assert!(nested(4).read().is_ok());
    assert!(nested(5).said().contains("5 for nested arrays, at most 4"));
    assert!(nested(100_000).read().is_err());
}

#[test]
fn counts_and_lengths_are_checked_before_anything_is_kept() {
    let counted = |tensors, pairs| Made {
        counts: Some((tensors, pairs)),
        ..Made::new()
    };
    let array_of = |item, count| Made::new().pair("a", ARRAY, &array(item, count, b""));
    let long_key = Made {
        pairs: vec![u64::MAX.to_le_bytes().to_vec()],
        ..Made::new()
    };
    for (made, wanted) in [
        (counted(u64::MAX, 0), "18446744073709551615 for tensors"),
        (counted(0, u64::MAX), "for metadata pairs"),
        (counted(1000, 0), "needs at least 24024"),
        (counted(0, 1000), "needs at least 13024"),
        (array_of(STRING, u64::MAX), "for the items of an array"),
        (array_of(0, u64::MAX), "for the items of an array"),
        (array_of(10, 1 << 20), "needs at least"),
        (array_of(STRING, 1 << 20), "needs at least"),
        (array_of(ARRAY, 1 << 20), "needs at least"),
        (array_of(77, 1), "value of type 77"),
        (long_key, "needs at least"),
        (
            Made::new().pair("a", STRING, &u64::MAX.to_le_bytes()),
            "needs at least",
        ),
        (Made::new().pair("a", 13, b"0000"), "value of type 13"),
        (
            Made::new().tensor(&"n".repeat(1025), &[1], 0, 0),
            "1025 for the length of a tensor's name, at most 1024",
        ),
        (
            Made::new().tensor("w", &[1; 65], 0, 0),
            "65 for the dimensions of a tensor",
        ),
        (
            Made::new().tensor("w", &[1 << 53], 0, 0),
            "for the length of a dimension",
        ),
    ] {
        let said = made.said();
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn a_header_may_not_be_longer_than_the_limit() {
    // The file is large enough; the header's own word is not believed.
    let bytes = Made::new()
        .pair("a", STRING, &(70_u64 << 20).to_le_bytes())
        .bytes();
    let error = read(&bytes, 1 << 40).err().unwrap();
    assert!(matches!(error, GgufError::TooLong { .. }), "{error}");
    let bytes = Made::new()
        .pair("a", STRING, &(60_u64 << 20).to_le_bytes())
        .bytes();
    let Ok(Step::Read(index, None)) = read(&bytes, 1 << 40) else {
        panic!("a long text is stepped over");
    };
    assert!(index.tensors().is_empty());
}

#[test]
fn more_is_asked_for_in_few_steps() {
    // Ten thousand words of a vocabulary, given byte by byte in the least steps that it asks for.
    let words = array(STRING, 100_000, &text("a word").repeat(100_000));
    let made = Made::new()
        .pair("tokens", ARRAY, &words)
        .tensor("w", &[2], 0, 0)
        .data(8);
    let bytes = made.bytes();
    let (mut given, mut steps) = (0, 0);
    while let Step::Needs(needed) = read(&bytes[..given], bytes.len() as u64).ok().unwrap() {
        (given, steps) = (usize::try_from(needed).unwrap(), steps + 1);
    }
    assert!(steps <= 5, "{steps}");
}

#[test]
fn alignment_is_honoured_and_bounded() {
    let aligned = |kind, value: &[u8]| {
        Made::new()
            .pair(ALIGNMENT, kind, value)
            .tensor("w", &[2], 0, 64)
            .data(200)
    };
    let index = aligned(U32, &64_u32.to_le_bytes()).read().unwrap();
    assert_eq!(index.tensors()[0].begin % 64, 0);
    assert!(aligned(U32, &1_u32.to_le_bytes()).read().is_ok());
    let said = aligned(U32, &128_u32.to_le_bytes()).said();
    assert!(
        said.contains("does not begin at a multiple of the alignment"),
        "{said}"
    );
    for (kind, value) in [
        (U32, &0_u32.to_le_bytes()[..]),
        (U32, &48_u32.to_le_bytes()),
        (U32, &(4_u32 << 20).to_le_bytes()),
        (10, &32_u64.to_le_bytes()),
        (STRING, &text("32")),
    ] {
        let said = aligned(kind, value).said();
        assert!(
            said.contains("general.alignment is given twice, or is not a u32 power"),
            "{said}"
        );
    }
    let twice = aligned(U32, &64_u32.to_le_bytes()).pair(ALIGNMENT, U32, &64_u32.to_le_bytes());
    assert!(matches!(twice.read(), Err(GgufError::Key { key: ALIGNMENT })));
}

#[test]
fn split_keys_are_whole_numbers_given_once() {
    let split = |kind, value: &[u8]| Made::new().pair("split.count", kind, value);
    assert!(split(2, &3_u16.to_le_bytes()).read().is_ok());
    assert!(split(5, &3_i32.to_le_bytes()).read().is_ok());
    for made in [
        split(5, &(-3_i32).to_le_bytes()),
        split(6, &3_f32.to_le_bytes()),
        split(STRING, &text("3")),
        split(2, &[3, 0]).pair("split.count", 2, &[3, 0]),
    ] {
        assert!(
            made.said()
                .contains("split.count is given twice, or is not a whole number")
        );
    }
}

#[test]
fn tensors_lie_apart_within_the_file() {
    let two = |second: u64| {
        Made::new()
            .tensor("a", &[16], 0, 0)
            .tensor("b", &[8], 0, second)
            .data(128)
    };
    assert!(two(64).read().is_ok());
    for (made, wanted) in [
        (two(32), "\"b\" begins before the one in front of it ends"),
        (two(96 + 32), "\"b\" ends behind the end of the file"),
        (two(60), "\"b\" does not begin at a multiple"),
        (two(u64::MAX - 31), "\"b\""),
        (
            Made::new()
                .tensor("a", &[1], 0, 0)
                .tensor("a", &[1], 0, 32)
                .data(64),
            "\"a\" stands twice",
        ),
        (
            Made::new().tensor("q", &[31], 2, 0).data(64),
            "a shape that its type cannot have",
        ),
        (
            Made::new().tensor("q", &[1 << 52, 1 << 52], 0, 0).data(64),
            "a shape that its type cannot have",
        ),
        (
            Made::new().tensor("w", &[1], 0, 0),
            "ends behind the end of the file",
        ),
    ] {
        let said = made.said();
        assert!(said.contains(wanted), "{said}");
    }
    // Out of order, with a hole between them, a scalar, and two that have no element.
    let made = Made::new()
        .tensor("late", &[8], 0, 128)
        .tensor("scalar", &[], 0, 0)
        .tensor("none", &[0, 7], 0, 32)
        .tensor("none too", &[0], 0, 32)
        .data(160);
    let index = made.read().unwrap();
    let names: Vec<_> = index
        .tensors()
        .iter()
        .map(|tensor| tensor.name.as_str())
        .collect();
    assert_eq!(names, ["scalar", "none", "none too", "late"]);
    assert_eq!(TensorIndex::from_bytes(&index.to_bytes()), Ok(index));
}

#[test]
fn a_name_that_is_not_utf8_is_refused() {
    let mut made = Made::new().tensor("abc", &[1], 0, 0).data(4);
    made.tensors[0][9] = 0xff;
    assert!(matches!(made.read(), Err(GgufError::NotUtf8 { .. })));
}
