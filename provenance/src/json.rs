//! Strict JSON: the subset in which every signed text of the project is written, and the one way to read it.
//!
//! Two parsers that disagree on one text are an attack, so whatever parsers are known to disagree on is
//! refused: duplicate members, a byte order mark, invalid UTF-8, numbers that are not integers below 2^53, and
//! nesting deeper than 32.
//!
//! Reading goes in two steps: [`parse_strict`] makes a [`Value`], and [`FromJson`] takes our types out of it with
//! [`At`], which names the place of whatever is wrong. Deriving `Deserialize` would do it in one, but it gives each
//! type several kilobytes of machine code, and the page downloads them all.

mod at;

use std::{cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, map::Entry};

pub use self::at::{At, FromJson, WrongValue};
use crate::path::clip;

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 32;

/// Smallest integer that a double cannot tell from its neighbour: 2^53 (RFC 8259 section 6).
pub const INTEGER_LIMIT: u64 = 1 << 53;

/// What values cost of a text's budget, which is five units for every eight bytes and [`SPARE_UNITS`]. A unit is some
/// 40 bytes of memory, so a parsed text takes at most 25 times its length. The densest texts in use, safetensors
/// headers with names of one letter, cost 27 units for 51 bytes; texts made to exhaust memory cost up to 3 a byte.
const OBJECT_UNITS: usize = 15;
const ARRAY_UNITS: usize = 3;
const VALUE_UNITS: usize = 1;

/// What a short text may use beyond its share.
const SPARE_UNITS: usize = 4096;

/// Why a text is not strict JSON, or not of the type that was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// More bytes than the caller allows.
    #[error("the JSON has {found} bytes, at most {limit} are read")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Starts with a byte order mark.
    #[error("the JSON starts with a byte order mark; save it as UTF-8 without one")]
    ByteOrderMark,
    /// Not JSON, or outside the strict subset.
    #[error("the JSON does not parse: {reason}")]
    Syntax {
        /// What was wrong, with line and column.
        reason: String,
    },
    /// Strict JSON, but not of the type that was wanted; only [`read`] says this.
    #[error("the JSON's {0}")]
    Value(#[from] WrongValue),
}

/// Reads one JSON text of at most `limit` bytes as a `T`.
///
/// # Errors
/// [`JsonError`], naming line and column or the member.
pub fn read<T: FromJson>(bytes: &[u8], limit: usize) -> Result<T, JsonError> {
    let value = parse_strict(bytes, limit)?;
    Ok(T::from_json(At::new(&value))?)
}

/// Parses one JSON text of at most `limit` bytes.
///
/// # Errors
/// [`JsonError`], naming line and column.
pub fn parse_strict(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    parse(bytes, limit, Numbers::Integers)
}

/// As [`parse_strict`], for texts that other programs made by their own rules: numbers of every kind are let through.
/// Whoever reads a number out of it must still want a whole one, which is all that [`At`] offers.
///
/// # Errors
/// [`JsonError`], naming line and column.
pub fn parse_foreign(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    parse(bytes, limit, Numbers::Any)
}

fn parse(bytes: &[u8], limit: usize, numbers: Numbers) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLong {
            found: bytes.len(),
            limit,
        });
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError::ByteOrderMark);
    }
    let syntax = |e: &dyn fmt::Display| JsonError::Syntax {
        reason: e.to_string(),
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|e| syntax(&format_args!("it is not UTF-8 from byte {} on", e.valid_up_to())))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let budget = Cell::new(SPARE_UNITS + bytes.len() / 8 * 5);
    let strict = Strict {
        depth: 0,
        numbers,
        budget: &budget,
    };
    let value = strict.deserialize(&mut deserializer).map_err(|e| syntax(&e))?;
    deserializer.end().map_err(|e| syntax(&e))?;
    Ok(value)
}

/// Which numbers a text may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Integers that every parser reads alike.
    Integers,
    /// Also those that parsers round differently.
    Any,
}

/// Reads a value that stands inside `depth` arrays or objects.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    numbers: Numbers,
    /// Units of memory that are left for the whole text.
    budget: &'a Cell<usize>,
}

impl Strict<'_> {
    /// Takes `units` of the budget.
    fn take<E: serde::de::Error>(self, units: usize) -> Result<(), E> {
        let Some(left) = self.budget.get().checked_sub(units) else {
            return Err(E::custom("too many small values for a text of its length"));
        };
        self.budget.set(left);
        Ok(())
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value >= INTEGER_LIMIT && self.numbers == Numbers::Integers {
            return Err(E::custom(format_args!("the integer {value} is not below 2^53")));
        }
        Ok(value.into())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() >= INTEGER_LIMIT && self.numbers == Numbers::Integers {
            return Err(E::custom(format_args!("the integer {value} is not above -2^53")));
        }
        Ok(value.into())
    }

    // The number is not shown: writing doubles takes kilobytes of machine code that the page needs for nothing else.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if self.numbers == Numbers::Any {
            return Ok(value.into());
        }
        Err(E::custom(
            "a number is not an integer below 2^64; decimals are written as strings",
        ))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        self.take(ARRAY_UNITS)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            self.take(VALUE_UNITS)?;
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        self.take(OBJECT_UNITS)?;
        let mut map = Map::new();
        while let Some(name) = members.next_key_seed(Name)? {
            self.take(VALUE_UNITS)?;
            let value = members.next_value_seed(inner)?;
            match map.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(first) => {
                    return Err(serde::de::Error::custom(format_args!(
                        "the member {:?} stands twice",
                        clip(first.key())
                    )));
                }
            };
        }
        Ok(Value::Object(map))
    }
}

/// Reads the name of a member. That of `String` would do, but brings words for every other type it might meet.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Name {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<String, E> {
        Ok(name.to_owned())
    }

    fn visit_string<E>(self, name: String) -> Result<String, E> {
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value, JsonError> {
        parse_strict(text.as_bytes(), 1 << 20)
    }

    #[test]
    fn texts_of_other_programs_may_hold_any_number_and_are_as_strict_otherwise() {
        for text in [
            "1.0",
            "1e3",
            "9007199254740992",
            "-9007199254740992",
            "99999999999999999999",
        ] {
            let value = parse_foreign(text.as_bytes(), 100).unwrap();
            assert!(
                text == "9007199254740992" || At::new(&value).whole().is_err(),
                "{text}"
            );
        }
        for text in [r#"{"a":1,"a":1}"#, "1e999", "NaN", "[1,]", r#""\ud800""#] {
            assert!(parse_foreign(text.as_bytes(), 100).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_plain_json() {
        assert_eq!(parse(r#" {"a":[1,-2,"x",null,true]} "#).unwrap()["a"][1], -2);
        assert!(parse("9007199254740991").is_ok());
    }

    #[test]
    fn reads_typed_values_and_says_where_they_are_wrong() {
        assert_eq!(read(b"[1,2]", 5), Ok(vec![1_u64, 2]));
        let said = |text: &[u8]| read::<Vec<u64>>(text, 5).unwrap_err().to_string();
        assert_eq!(said(b"[1,-2]"), "the JSON has 6 bytes, at most 5 are read");
        assert_eq!(said(b"[-2]"), "the JSON's [0] is not a whole number");
        assert_eq!(said(b"{}"), "the JSON's top level is not a list");
        assert!(said(b"[0.5]").contains("is not an integer"), "{}", said(b"[0.5]"));
    }

    #[test]
    fn refuses_what_parsers_disagree_on() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            "1.0",
            "1e3",
            "9007199254740992",
            "-9007199254740992",
            "99999999999999999999",
            "{} {}",
            "{",
            "",
            "[1,]",
            "'a'",
            r#""\ud800""#,
        ] {
            assert!(matches!(parse(text), Err(JsonError::Syntax { .. })), "{text}");
        }
        assert_eq!(parse_strict(b"\xEF\xBB\xBF{}", 10), Err(JsonError::ByteOrderMark));
        assert!(matches!(
            parse_strict(b"\"\xff\"", 10),
            Err(JsonError::Syntax { .. })
        ));
        assert_eq!(
            parse_strict(b"[]", 1),
            Err(JsonError::TooLong { found: 2, limit: 1 })
        );
    }

    #[test]
    fn texts_made_to_exhaust_memory_are_refused() {
        for bomb in [r#"{"":0},"#, "[],", "[[[0]]],", r#"{"":{"":0}},"#] {
            let text = format!("[{}0]", bomb.repeat(20_000));
            let said = parse(&text).unwrap_err().to_string();
            assert!(said.contains("too many small values"), "{bomb}: {said}");
        }
        // Names and shapes as small as they come, and many dimensions.
        for shape in ["", "1", "1,1,1,1,1,1,1,1"] {
            let tensor =
                |n: usize| format!(r#""{n:x}":{{"dtype":"I8","shape":[{shape}],"data_offsets":[0,0]}}"#);
            let tensors: Vec<String> = (0..10_000).map(tensor).collect();
            assert!(parse(&format!("{{{}}}", tensors.join(","))).is_ok(), "{shape}");
        }
    }

    #[test]
    fn errors_show_only_the_start_of_a_long_name() {
        let name = "n".repeat(1000);
        let said = parse(&format!(r#"{{"{name}":1,"{name}":1}}"#))
            .unwrap_err()
            .to_string();
        assert!(said.len() < 200, "{said}");
    }

    #[test]
    fn refuses_nesting_past_the_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
        assert!(parse(&nested(100_000)).is_err());
    }
}
