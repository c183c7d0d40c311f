//! Every file of a verdict: what differs first and in full, what matches folded away.

use provenance::{
    chunk::chunk_count,
    tensor::Tensor,
    verify::{FileReport, FileVerdict},
};

use crate::{
    dom::{IntoView, el},
    judgement::{ChunkPair, Judgement},
    text,
};

/// Files drawn of each kind; a model of 100,000 files must not freeze the page.
const MAX_FILES: usize = 200;

/// Matching files that are not folded away.
const MAX_OPEN: usize = 20;

/// Tensors drawn for each file. The saved report has all.
const MAX_TENSORS: usize = 40;

/// Byte ranges written out for each file.
const MAX_RANGES: usize = 6;

/// What differs, is missing or was added: each file in full.
pub(crate) fn problem_files(judgement: &Judgement) -> impl IntoView + use<> {
    let files = &judgement.report.files;
    let other: Vec<_> = files
        .iter()
        .filter(|file| file.verdict != FileVerdict::Match)
        .collect();
    (!other.is_empty()).then(|| {
        let rows = other
            .iter()
            .take(MAX_FILES)
            .map(|file| problem(file, &judgement.chunks))
            .collect::<Vec<_>>();
        el("section")
            .class("files")
            .attr("aria-label", "Files that need attention")
            .child((
                el("h3").child(format!("{} to look at", text::counted(other.len(), "file"))),
                el("ul").class("file-list").child((rows, rest(other.len()))),
            ))
    })
}

/// What matches, folded away beside anything that does not.
pub(crate) fn matching_files(judgement: &Judgement) -> impl IntoView + use<> {
    let files = &judgement.report.files;
    let same: Vec<_> = files
        .iter()
        .filter(|file| file.verdict == FileVerdict::Match)
        .collect();
    let open = same.len() == files.len() && same.len() <= MAX_OPEN;
    (!same.is_empty()).then(|| {
        let rows = same
            .iter()
            .take(MAX_FILES)
            .map(|file| plain_row(file))
            .collect::<Vec<_>>();
        let verb = if same.len() == 1 { "matches" } else { "match" };
        el("details").class("fold").attr("open", open).child((
            el("summary").child(format!("{} {verb}", text::counted(same.len(), "file"))),
            el("ul").class("file-list").child((rows, rest(same.len()))),
        ))
    })
}

fn rest(count: usize) -> Option<impl IntoView> {
    let hidden = count.saturating_sub(MAX_FILES);
    (hidden > 0).then(|| {
        el("li").class("quiet").child(format!(
            "and {}; the saved report has all",
            text::counted(hidden, "more file")
        ))
    })
}

/// What became of a file, in a word or two, and its colour.
fn words(file: &FileReport) -> (&'static str, &'static str) {
    match file.verdict {
        FileVerdict::Match => ("matches", "is-green"),
        FileVerdict::Altered => ("changed", "is-red"),
        FileVerdict::Truncated => ("cut short", "is-red"),
        FileVerdict::Padded => ("has bytes added", "is-red"),
        FileVerdict::Empty => ("empty", "is-red"),
        FileVerdict::NotWeights => ("not the file", "is-red"),
        FileVerdict::Swapped => ("another file’s bytes", "is-red"),
        FileVerdict::Missing => ("missing", "is-amber"),
        FileVerdict::Extra if file.could_be_loaded => ("not on record", "is-red"),
        FileVerdict::Extra => ("not on record", "is-amber"),
        FileVerdict::Ambiguous => ("cannot be told apart", "is-amber"),
        FileVerdict::Unreadable => ("not read", "is-amber"),
    }
}

fn head(file: &FileReport) -> impl IntoView + use<> {
    let (word, colour) = words(file);
    let path = provenance::path::visible(&file.path);
    let (folder, name) = match path.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name.to_owned()),
        None => (String::new(), path),
    };
    el("div").class("file-head").child((
        el("code")
            .class("file-path")
            .child((el("span").class("file-folder").child(folder), name)),
        el("span").class("file-size").child(text::bytes(file.size)),
        el("span").class(format!("tag {colour}")).child(word),
    ))
}

fn row(file: &FileReport, children: impl IntoView + 'static) -> impl IntoView {
    el("li")
        .class("file-row")
        .hook("file-row")
        .attr("data-path", file.path.clone())
        .attr("data-verdict", file.verdict.code())
        .child(children)
}

fn plain_row(file: &FileReport) -> impl IntoView + use<> {
    row(file, head(file)).into_view()
}

fn problem(file: &FileReport, chunks: &[ChunkPair]) -> impl IntoView + use<> {
    let detail = el("p").class("file-detail").child(text::sentence(&file.detail));
    let place = place(file).map(|place| el("p").class("file-place").child(place));
    row(
        file,
        (
            head(file),
            detail,
            place,
            tensors(&file.tensor_details),
            digests(file, chunks),
        ),
    )
    .into_view()
}

/// `Differs in the 3rd of 22 chunks, bytes 8,388,608 to 12,582,911.`: in the JSON report chunks count from 0.
fn place(file: &FileReport) -> Option<String> {
    let total = chunk_count(file.size.max(file.listed_bytes));
    let first = file.chunks.first()?;
    let first = text::ordinal(first.saturating_add(1));
    let chunks = match file.chunks.len() {
        1 => format!("the {first} of {}", text::counted_u64(total, "chunk")),
        n => format!(
            "{} of {}, from the {first} on",
            text::grouped(n as u64),
            text::counted_u64(total, "chunk")
        ),
    };
    let ranges: Vec<String> = (file.ranges.iter().take(MAX_RANGES))
        .map(|[from, to]| {
            format!(
                "{} to {}",
                text::grouped(*from),
                text::grouped(to.saturating_sub(1))
            )
        })
        .collect();
    let more = if file.ranges.len() > MAX_RANGES {
        " and further"
    } else {
        ""
    };
    Some(format!("Differs in {chunks}, bytes {}{more}.", ranges.join("; ")))
}

fn tensors(tensors: &[Tensor]) -> Option<impl IntoView + use<>> {
    let hidden = tensors.len().saturating_sub(MAX_TENSORS);
    let rows = tensors
        .iter()
        .take(MAX_TENSORS)
        .map(tensor_row)
        .collect::<Vec<_>>();
    let heading = |text: &'static str| el("th").attr("scope", "col").child(text);
    (!tensors.is_empty()).then(|| {
        el("div")
            .class("table-scroll")
            .attr("tabindex", "0")
            .attr("role", "region")
            .attr("aria-label", "Tensors")
            .child((
                el("table").class("tensors").child((
                    el("caption").child("Tensors in these bytes, by the signed index"),
                    el("thead").child(el("tr").child((
                        heading("Tensor"),
                        heading("Type"),
                        heading("Shape"),
                        heading("Bytes"),
                    ))),
                    el("tbody").child(rows),
                )),
                (hidden > 0).then(|| {
                    let more = text::counted(hidden, "more tensor");
                    el("p")
                        .class("quiet")
                        .child(format!("and {more}; the saved report has all"))
                }),
            ))
    })
}

fn tensor_row(tensor: &Tensor) -> impl IntoView + use<> {
    let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
    let bytes = format!(
        "{} to {}",
        text::grouped(tensor.begin),
        text::grouped(tensor.end.saturating_sub(1))
    );
    el("tr").hook("tensor").child((
        el("th")
            .attr("scope", "row")
            .child(el("code").child(provenance::path::visible(&tensor.name))),
        el("td").child(provenance::path::visible(&tensor.dtype)),
        el("td").child(if shape.is_empty() {
            "scalar".to_owned()
        } else {
            shape.join(" × ")
        }),
        el("td").class("is-number").child(bytes),
    ))
}

fn digests(file: &FileReport, chunks: &[ChunkPair]) -> Option<impl IntoView + use<>> {
    let pairs: Vec<_> = chunks.iter().filter(|pair| pair.path == file.path).collect();
    let line = |term: &'static str, value: Option<String>| {
        el("div").class("digest-line").child((
            el("dt").child(term),
            el("dd").child(el("code").child(value.unwrap_or_else(|| "no such chunk".to_owned()))),
        ))
    };
    (!pairs.is_empty()).then(|| {
        let rows = pairs.iter().map(|pair| {
            el("div").class("chunk-pair").child((
                el("p").child(format!(
                    "The {} chunk",
                    text::ordinal(pair.chunk.saturating_add(1))
                )),
                el("dl").child((
                    line("signed", pair.expected.map(|digest| digest.to_string())),
                    line("found", pair.found.map(|digest| digest.to_string())),
                )),
            ))
        });
        el("details").class("fold is-inner").child((
            el("summary").child("SHA-256 of the chunks, signed and found"),
            rows.collect::<Vec<_>>(),
        ))
    })
}
