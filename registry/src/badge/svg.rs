//! A badge as SVG: at most 2 KB, no script, nothing loaded, readable without colour and without eyes.

use super::{LABEL, MAX_LABEL_CHARACTERS, State, clipped};
use provenance::path::visible;

/// Form of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    /// Round corners, 20 px.
    #[default]
    Flat,
    /// Square corners, 20 px.
    Square,
    /// Round corners, 28 px: large enough for a thumb with a link around it.
    Large,
}

/// Whether it follows the reader's colour scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the reader's system says.
    #[default]
    Auto,
    /// For a light page.
    Light,
    /// For a dark page.
    Dark,
}

/// How a badge is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawing {
    /// Form.
    pub(crate) style: Style,
    /// Colours.
    pub(crate) theme: Theme,
    /// Words on the left; [`LABEL`] without.
    pub(crate) label: Option<String>,
}

/// Background of the label on a light page, and on a dark one, where it must stand out from the page.
const LABEL_COLOURS: (&str, &str) = ("#3b434b", "#57606a");

struct Measures {
    height: u32,
    font: u32,
    pad: u32,
    radius: u32,
}

impl Style {
    fn measures(self) -> Measures {
        let (height, font, pad, radius) = match self {
            Self::Flat => (20, 11, 6, 4),
            Self::Square => (20, 11, 6, 0),
            Self::Large => (28, 13, 9, 6),
        };
        Measures {
            height,
            font,
            pad,
            radius,
        }
    }
}

/// Draws `state`. `publisher` is named in the title only.
pub(crate) fn draw(state: &State, publisher: Option<&str>, drawing: &Drawing) -> String {
    let Measures {
        height,
        font,
        pad,
        radius: r,
    } = drawing.style.measures();
    let label = clipped(
        &visible(drawing.label.as_deref().unwrap_or(LABEL)),
        MAX_LABEL_CHARACTERS,
    );
    let message = state.message();
    let (label_length, message_length) = (length(&label, font), length(&message, font));
    let split = label_length + 2 * pad;
    let glyph = font + 2;
    let text = split + pad + glyph + 4;
    let width = text + message_length + pad;
    let baseline = height / 2 + font * 4 / 11;
    let (right, bottom) = (width - r, height - r);
    let title = escaped(&state.spoken(publisher));
    let (label, message) = (escaped(&label), escaped(&message));
    let (light, dark) = LABEL_COLOURS;
    let (fill, dark_style) = match drawing.theme {
        Theme::Auto => (
            light,
            format!("<style>@media(prefers-color-scheme:dark){{.l{{fill:{dark}}}}}</style>"),
        ),
        Theme::Light => (light, String::new()),
        Theme::Dark => (dark, String::new()),
    };
    let (colour, lines) = (state.colour(), state.glyph());
    let glyph_top = (height - glyph) / 2;
    let scale = f64::from(glyph) / 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{title}\"><title>{title}</title>{dark_style}\
         <rect class=\"l\" width=\"{width}\" height=\"{height}\" rx=\"{r}\" fill=\"{fill}\"/>\
         <path fill=\"#{colour}\" d=\"M{split} 0H{right}a{r} {r} 0 0 1 {r} {r}V{bottom}a{r} {r} 0 0 1-{r} {r}H{split}z\"/>\
         <path transform=\"translate({glyph_left} {glyph_top}) scale({scale})\" d=\"{lines}\" fill=\"none\" stroke=\"#fff\" \
         stroke-width=\"2\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,system-ui,sans-serif\" font-size=\"{font}\" font-weight=\"600\">\
         <text x=\"{pad}\" y=\"{baseline}\" textLength=\"{label_length}\" lengthAdjust=\"spacingAndGlyphs\">{label}</text>\
         <text x=\"{text}\" y=\"{baseline}\" textLength=\"{message_length}\" lengthAdjust=\"spacingAndGlyphs\">{message}</text>\
         </g></svg>",
        glyph_left = split + pad,
    )
}

/// How wide a text is about, in pixels. The picture fits the text to it, whatever font there is.
fn length(text: &str, font: u32) -> u32 {
    let tenths: u32 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | '|' | '\'' | '!' => 38,
            'f' | 't' | 'r' | ' ' | '-' | '(' | ')' | '/' => 50,
            'm' | 'w' | 'M' | 'W' | '%' | '@' => 108,
            'A'..='Z' | '0'..='9' | '#' | '_' => 80,
            c if c.is_ascii() => 70,
            // CJK and emoji fill a square.
            c if c >= '\u{1100}' => 120,
            _ => 80,
        })
        .sum();
    (tenths * font).div_ceil(110).max(1)
}

/// Text inside an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not in XML at all, written out or not.
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest badge in bytes, as documented.
    const MAX_SVG_BYTES: usize = 2048;

    fn drawings() -> Vec<Drawing> {
        let mut all = Vec::new();
        for style in [Style::Flat, Style::Square, Style::Large] {
            for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
                for label in [None, Some("Ünïcode 模型".to_owned())] {
                    all.push(Drawing { style, theme, label });
                }
            }
        }
        all
    }

    #[test]
    fn every_badge_is_small_loads_nothing_and_runs_nothing() {
        for state in State::examples() {
            for drawing in drawings() {
                let svg = draw(&state, Some("an-ordinary-lab.example"), &drawing);
                assert!(svg.len() <= MAX_SVG_BYTES, "{} bytes: {svg}", svg.len());
                for forbidden in [
                    "<script",
                    "href",
                    "url(",
                    "foreignObject",
                    "<image",
                    "<animate",
                    "on",
                ] {
                    let bare = svg
                        .replace("font", "")
                        .replace("provenance", "")
                        .replace("translate", "");
                    let found = bare.contains(forbidden) && forbidden != "on";
                    assert!(!found, "{forbidden}: {svg}");
                }
                assert!(svg.contains("role=\"img\"") && svg.contains("<title>Model provenance: "));
                assert!(svg.contains("textLength"));
            }
        }
    }

    #[test]
    fn the_state_is_in_the_text_and_not_only_in_the_colour() {
        let svg = draw(&State::Withdrawn, None, &Drawing::default());
        assert!(svg.contains(">withdrawn by publisher</text>"), "{svg}");
        let svg = draw(&State::Logged { index: 12 }, Some("acme.ai"), &Drawing::default());
        assert!(
            svg.contains("<title>Model provenance: logged, entry 12, publisher acme.ai</title>")
                && svg.contains(">logged #12</text>"),
            "{svg}"
        );
    }

    #[test]
    fn text_of_strangers_is_inert() {
        let hostile = [
            "\"><script>alert(1)</script>",
            "</title><image href=x onerror=y>",
            "a\u{202E}b\u{0}c\u{200B}",
            "&lt;&amp;]]>",
            "' onload='x",
            "\u{FFFF}",
        ];
        for text in hostile {
            let by = text.to_owned();
            let drawing = Drawing {
                label: Some(text.to_owned()),
                ..Drawing::default()
            };
            let svg = draw(&State::Superseded { by }, Some(text), &drawing);
            for forbidden in [
                "<script", "<image", "\u{202E}", "\u{0}", "\u{200B}", "' on", "\u{FFFF}",
            ] {
                assert!(!svg.contains(forbidden), "{forbidden:?} in {svg}");
            }
            assert_eq!(svg.matches("<title>").count(), 1);
            assert_eq!(svg.matches("<text").count(), 2);
        }
        let long = "模".repeat(4000);
        let drawing = Drawing {
            label: Some(long.clone()),
            ..Drawing::default()
        };
        assert!(draw(&State::Superseded { by: long.clone() }, Some(&long), &drawing).len() <= MAX_SVG_BYTES);
    }
}
