//! HTML that is written here, in the few elements that a page without scripts needs. All text is escaped, and
//! characters that are not seen are shown as their numbers.

use std::fmt::Write as _;

use provenance::path::visible;

/// HTML under construction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Markup(String);

/// `text` as HTML may hold it, between tags or in a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

impl Markup {
    /// The HTML.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// An element with text in it.
    pub(crate) fn text(mut self, tag: &str, text: &str) -> Self {
        let _ = write!(self.0, "<{tag}>{}</{tag}>", escaped(text));
        self
    }

    /// An element with a link and words around it.
    pub(crate) fn link(mut self, tag: &str, before: &str, (href, text): (&str, &str), after: &str) -> Self {
        let [before, href, text, after] = [before, href, text, after].map(escaped);
        let _ = write!(
            self.0,
            "<{tag}>{before}<a href=\"{href}\">{text}</a>{after}</{tag}>"
        );
        self
    }

    /// An element with other elements in it.
    pub(crate) fn within(mut self, tag: &str, inner: &Self) -> Self {
        let _ = write!(self.0, "<{tag}>{}</{tag}>", inner.0);
        self
    }

    /// A row of a list of terms.
    pub(crate) fn fact(self, term: &str, value: &str) -> Self {
        self.text("dt", term).text("dd", value)
    }

    /// A table.
    pub(crate) fn table<'a, const N: usize>(
        self,
        heads: [&str; N],
        rows: impl Iterator<Item = [String; N]> + 'a,
    ) -> Self {
        let cells =
            |tag: &str, row: &[String; N]| row.iter().fold(Self::default(), |out, cell| out.text(tag, cell));
        let head = Self::default().within("tr", &cells("th", &heads.map(str::to_owned)));
        let body = rows.fold(Self::default(), |out, row| out.within("tr", &cells("td", &row)));
        let inner = Self::default().within("thead", &head).within("tbody", &body);
        self.within("table", &inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_element() {
        let evil = "</p><script>alert(1)</script>\"' onload=x \u{202e}gpj";
        let made = Markup::default()
            .text("p", evil)
            .link("p", evil, (evil, evil), evil)
            .within("dl", &Markup::default().fact(evil, evil))
            .table(["a"], std::iter::once([evil.to_owned()]));
        let html = made.as_str();
        assert!(!html.contains("<script") && !html.contains('\u{202e}'), "{html}");
        assert!(
            html.contains("&lt;script&gt;") && html.contains("\\u{202e}"),
            "{html}"
        );
        // The only quotes are those of the one attribute.
        assert_eq!(html.matches('"').count(), 2, "{html}");
    }
}
