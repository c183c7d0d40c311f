//! What people read of a difference.

use super::*;

fn file(verdict: FileVerdict, size: u64, tensors: u64) -> FileReport {
    let report: Vec<_> = (0..tensors)
        .map(|at| Tensor {
            name: format!("t{at}"),
            dtype: "U8".into(),
            shape: vec![10],
            begin: 100 + at * 10,
            end: 110 + at * 10,
        })
        .collect();
    FileReport {
        path: "model.safetensors".into(),
        verdict,
        size,
        bytes: Some([0, 1000]),
        ranges: vec![[0, 1000]],
        chunks: vec![0],
        tensors: report.iter().map(|tensor| tensor.name.clone()).collect(),
        tensor_details: report,
        detail: String::new(),
        could_be_loaded: false,
        same_as: None,
        same_bytes: 0,
        listed_bytes: 1000,
    }
}

fn rows(file: &FileReport, header: bool) -> String {
    let mut text = Text {
        out: String::new(),
        output: Output::plain(),
    };
    text.tensors(file, header);
    text.out
}

#[test]
fn sixteen_tensors_are_listed_and_more_are_cut() {
    let text = rows(&file(FileVerdict::Altered, 1000, 16), false);
    assert_eq!(text.matches("tensor  t").count(), 16, "{text}");
    assert!(
        text.contains("the change lies in one or more of these:"),
        "{text}"
    );
    assert!(!text.contains("more tensor"), "{text}");
    let text = rows(&file(FileVerdict::Altered, 1000, 18), false);
    assert_eq!(text.matches("tensor  t").count(), 16, "{text}");
    assert!(text.contains("and 2 more tensors"), "{text}");
}

#[test]
fn a_chunk_with_header_bytes_names_the_header_too() {
    let header = "the file's header (names, shapes, offsets)";
    for tensors in [0, 1, 3] {
        let text = rows(&file(FileVerdict::Altered, 1000, tensors), true);
        assert!(text.contains(header), "{text}");
    }
    let text = rows(&file(FileVerdict::Altered, 1000, 1), false);
    assert!(
        text.starts_with("     tensor  t0"),
        "one tensor needs no words: {text}"
    );
}

#[test]
fn tensors_that_end_before_a_cut_are_not_named() {
    let text = rows(&file(FileVerdict::Truncated, 115, 3), false);
    assert!(
        !text.contains("t0") && text.contains("t1") && text.contains("t2"),
        "{text}"
    );
}

#[test]
fn a_place_names_chunk_and_bytes() {
    assert_eq!(
        place(1_728_053_248, 1_732_247_552, 1187),
        "chunk 412 of 1,187 (bytes 1,728,053,248-1,732,247,551)"
    );
    assert_eq!(place(0, 8_388_609, 3), "chunks 0-2 of 3 (bytes 0-8,388,608)");
}
