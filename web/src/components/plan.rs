//! What will be checked, shown before and while it is.

use crate::{
    dom::{IntoView, el},
    plan::Plan,
    text,
};

/// Ignored paths written out.
const MAX_IGNORED: usize = 20;

/// Name, count, size and what is left out.
pub(crate) fn plan_view(plan: &Plan) -> impl IntoView + use<> {
    let ignored = &plan.ignored;
    let left_out = (!ignored.is_empty()).then(|| {
        let names = ignored
            .iter()
            .take(MAX_IGNORED)
            .map(|path| el("li").child(el("code").child(path.to_string())));
        let more = ignored.len().saturating_sub(MAX_IGNORED);
        el("details").class("fold is-inner").child((
            el("summary").child(format!(
                "{} left out, by the fixed ignore list",
                text::counted(ignored.len(), "file")
            )),
            el("ul").class("bullets").child((
                names.collect::<Vec<_>>(),
                (more > 0).then(|| el("li").child(format!("and {}", text::counted(more, "more file")))),
            )),
        ))
    });
    let told = plan
        .told
        .clone()
        .map(|told| el("p").hook("plan-told").child(told));
    el("div").class("plan").hook("plan").child((
        el("h2").class("plan-title").child(plan.title()),
        el("p").class("quiet").child(format!(
            "{}, {}",
            text::counted(plan.files.len(), "file"),
            text::bytes(plan.total_bytes),
        )),
        told,
        left_out,
    ))
}
