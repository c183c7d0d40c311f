//! Real models, published with the command line and verified by the page: what a visitor would bring.

use harness::{
    lab::Lab,
    models::{Model, nth_chunk},
    page::VerifyPage,
};

/// Publishes `model`, and wants command line and page to call it authentic.
fn published_and_verified(model: Model) -> (Lab, VerifyPage) {
    let lab = Lab::new(model);
    let ran = lab.verify(lab.model.folder());
    assert_eq!(ran.code, 0, "{ran}");
    let page = VerifyPage::trusting(&lab);
    let card = page.weigh(lab.model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert_eq!(card.differing(), []);
    (lab, page)
}

/// Flips a bit of `file` at `offset` in a copy, and wants the page to name file, chunk, and `tensor` if there is one.
fn assert_change_is_named(lab: &Lab, page: &VerifyPage, file: &str, offset: u64, tensor: Option<&str>) {
    let changed = lab.copy(&format!("changed-{file}"));
    changed.flip_bit_in(file, offset);
    page.start_over();
    let card = page.weigh(changed.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "altered"),
        "{}",
        card.text
    );
    assert_eq!(card.differing(), [(file, "altered")]);
    let row = card.file(file);
    let chunk = nth_chunk(offset);
    assert!(row.text.contains(&chunk), "{chunk}: {}", row.text);
    match tensor {
        Some(tensor) => assert!(row.tensors.iter().any(|name| name == tensor), "{:?}", row.tensors),
        None => assert_eq!(row.tensors, Vec::<String>::new()),
    }
}

#[test]
fn wordllama_is_authentic_and_a_changed_byte_is_named() {
    let (lab, page) = published_and_verified(Model::wordllama());
    let offset = 9_000_000;
    let tensor = lab.model.tensor_at(offset);
    let weights = "l2_supercat_256.safetensors";
    assert_change_is_named(&lab, &page, weights, offset, Some(&tensor));
    page.assert_no_console_errors();
}

#[test]
fn silero_is_authentic_and_a_changed_byte_is_named_in_each_of_its_formats() {
    let (lab, page) = published_and_verified(Model::silero());
    let offset = 600_000;
    let tensor = lab.model.tensor_at(offset);
    let weights = "silero_vad_16k.safetensors";
    assert_change_is_named(&lab, &page, weights, offset, Some(&tensor));
    for file in ["silero_vad.onnx", "silero_vad.jit"] {
        assert_change_is_named(&lab, &page, file, offset, None);
    }
    page.assert_no_console_errors();
}
