//! A parsed value and the place at which it stands.
//!
//! The place is a list on the stack, from the value up to the whole text. It costs nothing until something is
//! wrong; then it is written out, as in `predicate.resources[3].name is missing`.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use crate::path::clip;

/// A value that is not what was wanted at its place. One pointer: every read may return it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {}", .0.place, .0.reason)]
pub struct WrongValue(Box<Wrong>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong {
    place: String,
    reason: String,
}

impl WrongValue {
    /// Which value, as a path such as `predicate.resources[3].name`; `top level` for the whole text.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// What is wrong with it, such as `is missing`.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

/// A type that is read from parsed JSON.
pub trait FromJson: Sized {
    /// Reads the value `at` its place.
    ///
    /// # Errors
    /// [`WrongValue`], for the first member that is missing, of the wrong type, or not allowed.
    fn from_json(at: At<'_>) -> Result<Self, WrongValue>;
}

/// A value and the place at which it stands.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    value: &'a Value,
    /// What holds it, and how it is reached from there; none for the whole text.
    holder: Option<(&'a At<'a>, Step<'a>)>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

impl<'a> At<'a> {
    /// The whole of a parsed text.
    pub const fn new(value: &'a Value) -> Self {
        Self { value, holder: None }
    }

    /// The member `name`, `null` or not.
    ///
    /// # Errors
    /// [`WrongValue`] when this is not an object, or has no such member.
    pub fn member(&'a self, name: &'a str) -> Result<Self, WrongValue> {
        let found = self.find(name)?;
        found.ok_or_else(|| self.missing(name))
    }

    /// The member `name`, `null` or not; none when there is none.
    ///
    /// # Errors
    /// [`WrongValue`] when this is not an object.
    pub fn find(&'a self, name: &'a str) -> Result<Option<Self>, WrongValue> {
        let found = self.object()?.get(name);
        Ok(found.map(|value| self.holding(value, Step::Member(name))))
    }

    /// The member `name`; none when there is none or it is `null`.
    ///
    /// # Errors
    /// [`WrongValue`] when this is not an object.
    pub fn optional(&'a self, name: &'a str) -> Result<Option<Self>, WrongValue> {
        Ok(self.find(name)?.filter(|found| !found.value.is_null()))
    }

    /// Reads the member `name`.
    ///
    /// # Errors
    /// [`WrongValue`] when it is missing or no `T`.
    pub fn get<T: FromJson>(&self, name: &str) -> Result<T, WrongValue> {
        T::from_json(self.member(name)?)
    }

    /// Reads the member `name`; none when there is none or it is `null`.
    ///
    /// # Errors
    /// [`WrongValue`] when it is there and no `T`.
    pub fn get_optional<T: FromJson>(&self, name: &str) -> Result<Option<T>, WrongValue> {
        self.optional(name)?.map(T::from_json).transpose()
    }

    /// Reads the member `name`; the default of `T` when there is none. `null` is a value like any other.
    ///
    /// # Errors
    /// [`WrongValue`] when it is there and no `T`.
    pub fn get_or_default<T: FromJson + Default>(&self, name: &str) -> Result<T, WrongValue> {
        self.find(name)?.map_or_else(|| Ok(T::default()), T::from_json)
    }

    /// All members and their names.
    ///
    /// # Errors
    /// [`WrongValue`] when this is not an object.
    pub fn members(&'a self) -> Result<impl ExactSizeIterator<Item = (&'a str, Self)>, WrongValue> {
        let members = self.object()?.iter();
        Ok(members.map(|(name, value)| (name.as_str(), self.holding(value, Step::Member(name)))))
    }

    /// Checks that there are no other members than those `known`.
    ///
    /// # Errors
    /// [`WrongValue`] when this is not an object, or for its first other member.
    pub fn only(&self, known: &[&str]) -> Result<(), WrongValue> {
        let other = self.members()?.find(|(name, _)| !known.contains(name));
        other.map_or(Ok(()), |(_, found)| Err(found.wrong("has no place here")))
    }

    /// All items, in order.
    ///
    /// # Errors
    /// [`WrongValue`] when this is not a list.
    pub fn items(&'a self) -> Result<impl ExactSizeIterator<Item = Self>, WrongValue> {
        let Value::Array(items) = self.value else {
            return Err(self.wrong("is not a list"));
        };
        let items = items.iter().enumerate();
        Ok(items.map(|(at, value)| self.holding(value, Step::Item(at))))
    }

    /// Its text.
    ///
    /// # Errors
    /// [`WrongValue`] when it is not text.
    pub fn text(&self) -> Result<&'a str, WrongValue> {
        let text = self.value.as_str();
        text.ok_or_else(|| self.wrong("is not text"))
    }

    /// Its text, as the `T` that it is the form of.
    ///
    /// # Errors
    /// [`WrongValue`] when it is not text, or that of no `T`.
    pub fn parse<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, WrongValue> {
        let parsed = self.text()?.parse();
        parsed.map_err(|error| self.does_not_parse(&error))
    }

    /// What its text stands for, one of `words`.
    ///
    /// # Errors
    /// [`WrongValue`] when it is not text, or none of the words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, WrongValue> {
        let text = self.text()?;
        let known = words.iter().find(|(word, _)| *word == text);
        known
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| self.wrong("is a word that is not known"))
    }

    /// Reads the member `v`, the version of the format: 1, the only one there is.
    ///
    /// # Errors
    /// [`WrongValue`] when it is missing or another.
    pub fn version(&self) -> Result<u32, WrongValue> {
        let version = self.member("v")?;
        match version.whole()? {
            1 => Ok(1),
            _ => Err(version.wrong("is not 1, the only version that is known")),
        }
    }

    /// Whether it is `true`.
    ///
    /// # Errors
    /// [`WrongValue`] when it is neither `true` nor `false`.
    pub fn boolean(&self) -> Result<bool, WrongValue> {
        let boolean = self.value.as_bool();
        boolean.ok_or_else(|| self.wrong("is neither true nor false"))
    }

    /// Its number.
    ///
    /// # Errors
    /// [`WrongValue`] when it is not a whole number; negative ones are not.
    pub fn whole(&self) -> Result<u64, WrongValue> {
        let number = self.value.as_u64();
        number.ok_or_else(|| self.wrong("is not a whole number"))
    }

    /// Says that this value is wrong. `reason` reads on from its place, such as `is empty`.
    #[cold]
    #[inline(never)]
    pub fn wrong(&self, reason: &str) -> WrongValue {
        let (place, reason) = (self.to_string(), reason.to_owned());
        WrongValue(Box::new(Wrong { place, reason }))
    }

    #[cold]
    #[inline(never)]
    fn missing(&self, name: &str) -> WrongValue {
        let absent = At::holding(self, &Value::Null, Step::Member(name));
        absent.wrong("is missing")
    }

    #[cold]
    #[inline(never)]
    fn does_not_parse(&self, error: &dyn fmt::Display) -> WrongValue {
        self.wrong(&format!("does not parse: {error}"))
    }

    const fn holding(&'a self, value: &'a Value, step: Step<'a>) -> Self {
        let holder = Some((self, step));
        Self { value, holder }
    }

    fn object(&self) -> Result<&'a Map<String, Value>, WrongValue> {
        let object = self.value.as_object();
        object.ok_or_else(|| self.wrong("is not an object"))
    }
}

/// The place, as in `predicate.resources[3].name`. Types nest less deep than [`super::MAX_DEPTH`].
impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((holder, step)) = self.holder else {
            return f.write_str("top level");
        };
        let first = holder.holder.is_none();
        if !first {
            holder.fmt(f)?;
        }
        match step {
            Step::Member(name) if first && is_plain(name) => f.write_str(name),
            Step::Member(name) if is_plain(name) => write!(f, ".{name}"),
            Step::Member(name) => write!(f, "[{:?}]", clip(name)),
            Step::Item(at) => write!(f, "[{at}]"),
        }
    }
}

/// Whether `name` can stand in a place as it is; a stranger's must not look like a longer path.
fn is_plain(name: &str) -> bool {
    (1..=80).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl FromJson for String {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.text().map(str::to_owned)
    }
}

impl FromJson for u64 {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.whole()
    }
}

impl FromJson for u32 {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Self::try_from(at.whole()?).map_err(|_| at.wrong("is not below 2^32"))
    }
}

impl FromJson for u16 {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Self::try_from(at.whole()?).map_err(|_| at.wrong("is not below 2^16"))
    }
}

impl FromJson for usize {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Self::try_from(at.whole()?).map_err(|_| at.wrong("is too large for this machine"))
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.items()?.map(T::from_json).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is said about `value` by `read`.
    fn said<T: fmt::Debug>(value: &Value, read: fn(At<'_>) -> Result<T, WrongValue>) -> String {
        read(At::new(value)).unwrap_err().to_string()
    }

    #[test]
    fn takes_values_of_the_type_wanted() {
        let value = json!({"text": "a", "number": 7, "list": [1, 2], "word": "no", "null": null});
        let at = At::new(&value);
        assert_eq!(at.get("text"), Ok("a".to_owned()));
        assert_eq!(at.get("number"), Ok(7_u16));
        assert_eq!(at.get("list"), Ok(vec![1_u32, 2]));
        let word = at.member("word").unwrap();
        assert_eq!(word.word(&[("yes", true), ("no", false)]), Ok(false));
        assert_eq!(
            at.members().unwrap().map(|(name, _)| name.len()).sum::<usize>(),
            22
        );
        assert_eq!(
            at.only(&["list", "null", "number", "text", "word", "more"]),
            Ok(())
        );
    }

    #[test]
    fn only_what_is_optional_may_be_null_or_missing() {
        let value = json!({"null": null});
        let at = At::new(&value);
        assert_eq!(at.get_optional::<u64>("null"), Ok(None));
        assert_eq!(at.get_optional::<u64>("missing"), Ok(None));
        assert_eq!(at.get_or_default::<u64>("missing"), Ok(0));
        assert!(at.get_or_default::<u64>("null").is_err());
        assert!(at.get::<u64>("null").is_err());
        assert!(at.member("null").is_ok() && at.find("null").unwrap().is_some());
        assert!(at.find("missing").unwrap().is_none());
    }

    #[test]
    fn says_where_and_what_is_wrong() {
        let value = json!({"predicate": {"resources": [{"size": 1}, {"size": -1}]}});
        let sizes = |at: At<'_>| -> Result<u64, WrongValue> {
            let predicate = at.member("predicate")?;
            let resources = predicate.member("resources")?;
            resources
                .items()?
                .map(|resource| resource.get::<u64>("size"))
                .sum()
        };
        let wrong = sizes(At::new(&value)).unwrap_err();
        assert_eq!(wrong.place(), "predicate.resources[1].size");
        assert_eq!(wrong.reason(), "is not a whole number");
        assert_eq!(wrong.to_string(), format!("{} {}", wrong.place(), wrong.reason()));
        let name = json!({"a.b \u{202E}": 1});
        assert_eq!(
            said(&name, |at| at.only(&[])),
            r#"["a.b \u{202e}"] has no place here"#
        );
        assert_eq!(
            said(&json!({"a": {"": 1}}), |at| at.member("a")?.only(&[])),
            r#"a[""] has no place here"#
        );
    }

    #[test]
    fn knows_one_version_and_both_truths() {
        assert_eq!(At::new(&json!({"v": 1})).version(), Ok(1));
        assert_eq!(
            said(&json!({"v": 2}), |at| at.version()),
            "v is not 1, the only version that is known"
        );
        assert_eq!(At::new(&json!(true)).boolean(), Ok(true));
        assert_eq!(
            said(&json!(1), |at| at.boolean()),
            "top level is neither true nor false"
        );
    }

    #[test]
    fn refuses_values_of_another_type() {
        for value in [json!(null), json!(1), json!("a"), json!([])] {
            assert_eq!(
                said(&value, |at| at.get::<u64>("a")),
                "top level is not an object"
            );
            assert_eq!(
                said(&value, |at| at.get_optional::<u64>("a")),
                "top level is not an object"
            );
        }
        assert_eq!(said(&json!({}), |at| at.get::<u64>("a")), "a is missing");
        assert_eq!(said(&json!({}), Vec::<u64>::from_json), "top level is not a list");
        assert_eq!(said(&json!([1]), Vec::<String>::from_json), "[0] is not text");
        for value in [json!("1"), json!(-1), json!(1.0), json!(null)] {
            assert_eq!(said(&value, u64::from_json), "top level is not a whole number");
        }
        assert_eq!(
            said(&json!(1_u64 << 32), u32::from_json),
            "top level is not below 2^32"
        );
        assert_eq!(
            said(&json!(65_536), u16::from_json),
            "top level is not below 2^16"
        );
        assert_eq!(
            said(&json!("maybe"), |at| at.word(&[("yes", true)])),
            "top level is a word that is not known"
        );
        assert_eq!(
            said(&json!(" 1"), |at| at.parse::<u8>()),
            "top level does not parse: invalid digit found in string"
        );
    }
}
