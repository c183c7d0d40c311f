//! The report when there is no record to compare with: what was asked, what was not, and what the files look like.

use provenance::verify::{JunkFile, Report, suspects};

use super::Run;
use crate::{
    also::{Candidate, Outcome},
    bundle_file::about,
    evidence::Evidence,
    failure::Failure,
    header::sniff,
    output,
};

impl Run<'_> {
    /// The registry has nothing.
    pub(super) fn nothing_on_record(&mut self) -> Result<Outcome, Failure> {
        let address = (self.client.as_ref())
            .map_or_else(|| "the registry".into(), |client| client.address().to_owned());
        if let Some(id) = self.args.record {
            let mut report = Report::unknown(None, format!("{address} has no record {id}"));
            report.headline = "No such record".into();
            report.summary = format!("{address} has no record {id}; no file was read.");
            report.next =
                Some("check the id, or leave out --record to look for the record of these files".into());
            return Ok(without_record(report));
        }
        let mut report = self.unknown(format!("{address} has no record with these digests"))?;
        if let Some(other) = self.other_log() {
            report.summary = format!("{} {other}", report.summary);
            report.next = Some(
                "name the registry of the log that you trust with --registry, or its trust file with --trust"
                    .into(),
            );
        }
        Ok(without_record(report))
    }

    /// Where the registry shows another log than the trust file names, its records could not be those wanted: says so.
    fn other_log(&self) -> Option<String> {
        let (client, trust) = (self.client.as_ref()?, self.trust.as_ref()?);
        let error = trust.check_checkpoint(&client.checkpoint().ok()?).err()?;
        Some(format!("It is not a registry of a log that you trust: {error}."))
    }

    /// No bundle has anything that holds, and no request may be made. `faulty` are records in bundles that do not hold.
    pub(super) fn nothing_offline(&mut self, faulty: Vec<Candidate>) -> Result<Outcome, Failure> {
        if !faulty.is_empty() {
            return Ok(self.judge(faulty)?.outcome);
        }
        if self.bundles.read.is_empty() {
            if !self.bundles.broken.is_empty() {
                return Err(self.bundles.broken.swap_remove(0));
            }
            let mut report = Report::unknown(
                Some("offline"),
                "no request was made, and no bundle (*.weighbridge) lies beside the files",
            );
            report.headline = "Nothing was looked up".into();
            report.summary =
                "--offline forbids asking a registry, and no bundle (*.weighbridge) lies beside the files. \
                              This says nothing good or bad about them."
                    .into();
            report.next = Some(
                "lay a bundle beside them (weighbridge bundle RECORD makes one), name one with --bundle FILE, or leave \
                 out --offline"
                    .into(),
            );
            return Ok(without_record(report));
        }
        let held: Vec<_> = (self.bundles.read.iter())
            .map(|(path, bundle)| format!("{} (of {})", path.display(), about(bundle)))
            .collect();
        let tried = output::count(held.len(), "bundle");
        if let Some(id) = self.args.record {
            let detail = format!("no request was made; {tried} tried: {}", held.join(", "));
            let mut report = Report::unknown(Some("offline"), detail);
            report.headline = "No such record".into();
            report.summary = format!(
                "No bundle here holds record {id}, and --offline forbids asking a registry; no file was read."
            );
            report.next = Some("check the id, or leave out --offline".into());
            return Ok(without_record(report));
        }
        let detail = format!(
            "no record of these files in {tried}: {}; no request was made",
            held.join(", ")
        );
        let mut report = self.unknown(detail)?;
        if report.subtype.is_none() {
            report.summary = format!(
                "No bundle here holds a record of these bytes, and --offline forbids asking a registry, which may have \
                 one. This says nothing good or bad about them. Tried: {}.",
                held.join(", ")
            );
            report.next =
                Some("leave out --offline, or name the model's own bundle with --bundle FILE".into());
        }
        Ok(without_record(report))
    }

    /// The bytes are nobody's, or what they look like explains it.
    fn unknown(&mut self, detail: String) -> Result<Report, Failure> {
        let found = self.found.files.clone();
        let files: Vec<_> = (found.iter())
            .map(|file| (file.path.as_str(), file.source.stamp.size))
            .collect();
        let suspects = suspects(&files);
        let mut junk = Vec::new();
        for &at in &suspects {
            let (path, size) = files[at];
            junk.extend(sniff(&found[at].source)?.map(|junk| JunkFile { path, size, junk }));
        }
        let points_to = self.pointed_to(&junk)?;
        Ok(Report::not_on_record(
            &junk,
            suspects.len(),
            files.len(),
            points_to,
            detail,
        ))
    }
}

fn without_record(report: Report) -> Outcome {
    Outcome {
        report,
        evidence: Evidence::default(),
        also: Vec::new(),
        source: None,
    }
}
