//! How a log came to its size: a step line over time, and the same numbers as a table.

use std::fmt::Write as _;

use provenance::api::GrowthPoint;

use super::when::when;
use crate::{
    dom::{IntoView, View, el, svg},
    text,
};

/// Width and height of the drawing, in units of its own.
const WIDE: u64 = 600;
const HIGH: u64 = 160;

/// Shortest time that is drawn, in seconds: the dates below the drawing name minutes.
const SHORTEST_SPAN_S: u64 = 60;

/// Points in the table; the drawing has all.
const MOST_ROWS: usize = 12;

/// The chart; a sentence where there is nothing to draw.
pub(crate) fn growth_chart(points: &[GrowthPoint]) -> View {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return el("p").class("quiet").child("The log is empty.").into_view();
    };
    let span = last.taken_at.saturating_sub(first.taken_at);
    if span < SHORTEST_SPAN_S {
        let all = text::counted_u64(last.size, "entry");
        let words = format!("So far {all}, all of them within a minute: ");
        return el("p").child((words, when(last.taken_at), ".")).into_view();
    }
    let line = steps(points, first.taken_at, span, last.size);
    let area = format!("{line}L{WIDE} {HIGH}L0 {HIGH}Z");
    let drawing = svg("svg")
        .class("growth")
        .attr("viewBox", format!("0 0 {WIDE} {HIGH}"))
        .attr("preserveAspectRatio", "none")
        .attr("role", "img")
        .attr(
            "aria-label",
            format!(
                "From {} to {} in {}",
                text::counted_u64(first.size, "entry"),
                text::counted_u64(last.size, "entry"),
                text::age(span)
            ),
        )
        .child((
            svg("path").class("growth-area").attr("d", area),
            svg("path").class("growth-line").attr("d", line),
        ));
    el("figure")
        .class("growth-figure")
        .hook("growth-chart")
        .child((
            el("span")
                .class("quiet")
                .child(text::counted_u64(last.size, "entry")),
            drawing,
            el("figcaption")
                .class("growth-dates quiet")
                .child((when(first.taken_at), when(last.taken_at))),
            table(points),
        ))
        .into_view()
}

/// A step for each point: the log has its size until the next one.
fn steps(points: &[GrowthPoint], begin: u64, span: u64, all: u64) -> String {
    let mut path = format!("M0 {HIGH}");
    for point in points {
        let x = scaled(point.taken_at.saturating_sub(begin), span, WIDE);
        let y = HIGH - scaled(point.size, all, HIGH);
        // Writing to a text cannot fail.
        let _ = write!(path, "H{x}V{y}");
    }
    let _ = write!(path, "H{WIDE}");
    path
}

/// `part` of `whole`, in units of which the whole has `units`; never more than these.
fn scaled(part: u64, whole: u64, units: u64) -> u64 {
    let scaled = u128::from(part) * u128::from(units) / u128::from(whole.max(1));
    u64::try_from(scaled).map_or(units, |scaled| scaled.min(units))
}

fn table(points: &[GrowthPoint]) -> impl IntoView + use<> {
    let every = points.len().div_ceil(MOST_ROWS);
    // From the end, so that the newest is among them.
    let mut shown: Vec<_> = points.iter().rev().step_by(every).collect();
    shown.reverse();
    let row = |point: &GrowthPoint| {
        el("tr").child((
            el("td").child(when(point.taken_at)),
            el("td").child(text::grouped(point.size)),
        ))
    };
    let head = el("tr").child((
        el("th").attr("scope", "col").child("Taken in"),
        el("th").attr("scope", "col").child("Entries"),
    ));
    el("details").class("fold").child((
        el("summary").child("The same as numbers"),
        el("div")
            .class("table-box")
            .child(el("table").class("table").child((
                el("thead").child(head),
                el("tbody").child(shown.into_iter().map(row).collect::<Vec<_>>()),
            ))),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_ends_at_the_newest_point_and_stays_in_the_picture() {
        let points = [(1, 100), (2, 100), (11, 150), (20, 200)];
        let points = points.map(|(size, taken_at)| GrowthPoint { size, taken_at });
        assert_eq!(
            steps(&points, 100, 100, 20),
            "M0 160H0V152H0V144H300V72H600V0H600"
        );
        // An index that was built anew may have times that go back.
        assert_eq!(scaled(0_u64.saturating_sub(5), 10, WIDE), 0);
        assert_eq!(scaled(u64::MAX, 1, WIDE), WIDE);
    }
}
