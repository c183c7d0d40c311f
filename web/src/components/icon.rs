//! Icons as inline SVG, drawn for this page on a grid of 24. Decorative: the text beside them says it.

use crate::dom::{IntoView, svg};

/// A picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    /// The mark of the house: a scale's dial over its platform.
    Mark,
    /// A folder with an arrow into it.
    Folder,
    /// Shield with a check mark.
    ShieldCheck,
    /// Arrow to something newer.
    Arrow,
    /// Cross in a circle.
    Cross,
    /// Half-filled disc.
    Half,
    /// Question mark in a circle.
    Question,
    /// No entry.
    NoEntry,
    /// A branch.
    Branch,
    /// Clock.
    Clock,
    /// Person with a question mark.
    Person,
    /// Two halves apart.
    Split,
    /// Exclamation in a triangle.
    Warning,
    /// Check mark.
    Check,
    /// A dash: not made.
    Dash,
    /// A padlock.
    Lock,
}

impl Icon {
    /// Strokes, as SVG path data.
    fn strokes(self) -> &'static [&'static str] {
        match self {
            Self::Mark => &[
                "M4.5 18.5h15",
                "M7.5 18.5v-2.7h9v2.7",
                "M6.2 12.9a5.8 5.8 0 0 1 11.6 0",
                "M12 12.9l2.9-3.4",
            ],
            Self::Folder => &[
                "M3.5 18V6.5A1.5 1.5 0 0 1 5 5h4l2 2.5h8A1.5 1.5 0 0 1 20.5 9v9a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 18z",
                "M12 10.5v5.5",
                "M9.5 13.5l2.5 2.5 2.5-2.5",
            ],
            Self::ShieldCheck => &[
                "M12 3l7.5 2.8v5.4c0 4.6-3.1 8-7.5 9.8-4.4-1.8-7.5-5.2-7.5-9.8V5.8z",
                "M8.5 12l2.5 2.5 4.5-5",
            ],
            Self::Arrow => &[
                "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
                "M8 12h8",
                "M12.5 8.5L16 12l-3.5 3.5",
            ],
            Self::Cross => &["M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z", "M9 9l6 6", "M15 9l-6 6"],
            Self::Half => &[
                "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
                "M12 3v18",
                "M14.5 7h4",
                "M14.5 12h6",
                "M14.5 17h4",
            ],
            Self::Question => &[
                "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
                "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8",
                "M12 16.7v.1",
            ],
            Self::NoEntry => &["M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z", "M7.5 12h9"],
            Self::Branch => &[
                "M6 7.5v9",
                "M6 12c0-1.5 1-2.5 3-2.5h3.5c2 0 3-.9 3-2.5",
                "M8 5.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
                "M8 18.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
                "M17.5 5.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
            ],
            Self::Clock => &["M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z", "M12 7v5l3.2 2"],
            Self::Person => &[
                "M13 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0z",
                "M3 19.5c0-3.5 2.7-5.5 6.5-5.5 1.6 0 3 .3 4.1 1",
                "M16.5 12.2a2 2 0 1 1 3 1.7c-.6.4-1 .8-1 1.6",
                "M18.5 18.9v.1",
            ],
            Self::Split => &[
                "M9.5 3.5A8.8 8.8 0 0 0 9.5 20.5",
                "M14.5 3.5a8.8 8.8 0 0 1 0 17",
                "M9.5 3.5l1.5 4-2.5 4 2.5 4-1.5 5",
                "M14.5 3.5l1.5 4-2.5 4 2.5 4-1.5 5",
            ],
            Self::Warning => &["M12 4l9 15.5H3z", "M12 10v4.5", "M12 17v.1"],
            Self::Check => &["M5 12.5l4.5 4.5L19 7.5"],
            Self::Dash => &["M6 12h12"],
            Self::Lock => &["M6 11h12v8.5H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
        }
    }
}

/// Draws `icon` in the colour of the text around it.
pub(crate) fn icon(icon: Icon, class: &'static str) -> impl IntoView {
    svg("svg")
        .attr("class", format!("icon {class}"))
        .attr("viewBox", "0 0 24 24")
        .attr("aria-hidden", "true")
        .attr("focusable", "false")
        .child(
            icon.strokes()
                .iter()
                .map(|d| svg("path").attr("d", *d))
                .collect::<Vec<_>>(),
        )
}
