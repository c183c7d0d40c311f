//! Provenance records (SLSA v1): how an artifact was made, from what.

use std::collections::BTreeMap;

use super::{MAX_LIST, ProvenanceRecord, subject};
use crate::{
    json::{At, WrongValue},
    statement::{self, Input, Run},
};

/// The record that a provenance predicate makes about `subject`.
pub(super) fn read(subject: At<'_>, predicate: At<'_>) -> Result<ProvenanceRecord, WrongValue> {
    let definition = predicate.member("buildDefinition")?;
    let build_type = definition.member("buildType")?;
    let Some(stage) = statement::stage_of(build_type.text()?) else {
        let reason = format!("is none of our stages ({})", statement::STAGES.join(", "));
        return Err(build_type.wrong(&reason));
    };
    let run = Run {
        stage: stage.to_owned(),
        inputs: inputs(definition)?,
        metrics: metrics(predicate.member("runDetails")?)?,
    };
    Ok(ProvenanceRecord {
        artifact: subject::artifact(subject)?,
        run,
    })
}

/// The dependencies that are records. Others (code, tools) are allowed and not followed.
fn inputs(definition: At<'_>) -> Result<Vec<Input>, WrongValue> {
    let mut inputs = Vec::new();
    let Some(dependencies) = definition.find("resolvedDependencies")? else {
        return Ok(inputs);
    };
    let listed = dependencies.items()?;
    at_most_max_list(dependencies, listed.len())?;
    for dependency in listed {
        let digest = dependency.find("digest")?;
        digest.map_or(Ok(()), subject::all_text)?;
        let Some(annotations) = dependency.find("annotations")? else {
            continue;
        };
        let Some(record) = annotations.find("weighbridge_record")? else {
            continue;
        };
        let dir_hash1 = digest
            .as_ref()
            .map(|digest| digest.find("dirHash1"))
            .transpose()?;
        inputs.push(Input {
            role: subject::shown(annotations.member("weighbridge_role")?)?,
            record: record.parse()?,
            dir_hash1: dir_hash1.flatten().map(|d| d.parse()).transpose()?,
        });
    }
    Ok(inputs)
}

/// The measured numbers, by name.
fn metrics(details: At<'_>) -> Result<BTreeMap<String, String>, WrongValue> {
    let mut metrics = BTreeMap::new();
    let Some(metadata) = details.find("metadata")? else {
        return Ok(metrics);
    };
    let Some(listed) = metadata.find("weighbridge_metrics")? else {
        return Ok(metrics);
    };
    let members = listed.members()?;
    at_most_max_list(listed, members.len())?;
    for (name, value) in members {
        if !subject::is_presentable(name) {
            return Err(value.wrong("has a name that is empty, too long or has hidden characters"));
        }
        let number = value.text()?;
        if !is_decimal(number) {
            return Err(value.wrong("is not a decimal string such as \"2.31\""));
        }
        metrics.insert(name.to_owned(), number.to_owned());
    }
    Ok(metrics)
}

fn at_most_max_list(list: At<'_>, found: usize) -> Result<(), WrongValue> {
    if found > MAX_LIST {
        return Err(list.wrong(&format!("has {found} items, at most {MAX_LIST} are allowed")));
    }
    Ok(())
}

/// Whether `text` is a plain decimal such as `2.31`, `-4` or `3e-4`, at most 64 bytes.
pub fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    text.len() <= 64 && digits(whole) && digits(fraction) && digits(exponent)
}
