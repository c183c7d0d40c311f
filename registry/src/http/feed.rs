//! `GET /api/v1/publishers/{name}/feed.atom`: a publisher's newest records as an Atom feed (RFC 4287).

use std::fmt::Write as _;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use provenance::{
    PublisherName,
    api::{Summary, paths},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    asking,
    caching::{FRESH, answer_with_etag, content_tag},
    problem::ApiError,
    publishers,
};
use crate::{
    App,
    pages::{escaped, kind_in_words},
};

/// Most records in a feed.
const MAX_ENTRIES: usize = 50;

const ATOM: &str = "application/atom+xml; charset=utf-8";

/// Serves the feed.
pub(crate) async fn feed(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let name = publishers::name(&path)?;
    let body = asking(&app, move |app, index| {
        let answer = publishers::about(app, index, &name, None)?.ok_or_else(|| publishers::unknown(&name))?;
        let newest = &answer.records[..answer.records.len().min(MAX_ENTRIES)];
        write(&name, newest, &app.public_url).map_err(|e| ApiError::internal("writing a feed", &e))
    })
    .await?;
    let tag = content_tag(&body);
    Ok(answer_with_etag(&request, &tag, FRESH, ATOM, || body.into()))
}

/// The feed's text. A publisher has at least its first keyset, so there is a newest entry.
fn write(name: &PublisherName, records: &[Summary], public_url: &str) -> Result<String, std::fmt::Error> {
    let taken = |record: &Summary| moment(record.taken_at.unwrap_or_default());
    let own = format!("{public_url}{}", paths::feed(name));
    let page = format!("{public_url}/publisher/{name}");
    let updated = records.first().map(taken).unwrap_or_default();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>{own}</id>\n<title>Records of {name}</title>\n\
         <subtitle>What this registry says; prove what it names with a verifier. Times are those at which it was \
         indexed here.</subtitle>\n\
         <updated>{updated}</updated>\n<author><name>{name}</name></author>\n\
         <link rel=\"self\" href=\"{own}\"/>\n<link rel=\"alternate\" type=\"text/html\" href=\"{page}\"/>\n",
        own = escaped(&own),
        name = escaped(name.as_str()),
        page = escaped(&page),
    );
    for record in records {
        let address = escaped(&format!("{public_url}/record/{}", record.record));
        let title = escaped(&format!("{}: {}", kind_in_words(&record.kind), record.title()));
        write!(
            out,
            "<entry>\n<id>{address}</id>\n<title>{title}</title>\n<updated>{}</updated>\n\
             <link rel=\"alternate\" type=\"text/html\" href=\"{address}\"/>\n\
             <summary>Entry {} of the log, record {}.</summary>\n</entry>\n",
            taken(record),
            record.index,
            record.record
        )?;
    }
    out.push_str("</feed>\n");
    Ok(out)
}

/// POSIX seconds as RFC 3339.
fn moment(seconds: u64) -> String {
    let moment = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use provenance::{RecordId, statement::SIGNATURE_TYPE};

    use super::*;

    #[test]
    fn text_of_records_is_inert_in_a_feed() {
        let record = Summary {
            record: RecordId::of_payload(b"x"),
            publisher: "acme.example".parse().unwrap(),
            kind: SIGNATURE_TYPE.to_owned(),
            index: 7,
            name: "</title><script>alert(1)</script>&\u{202e}]]>".to_owned(),
            version: None,
            taken_at: Some(1_700_000_000),
        };
        let feed = write(&record.publisher.clone(), &[record], "http://x.example").unwrap();
        assert!(
            !feed.contains("<script") && !feed.contains('\u{202e}') && !feed.contains("]]>"),
            "{feed}"
        );
        assert!(feed.contains("<updated>2023-11-14T22:13:20Z</updated>"), "{feed}");
        assert_eq!(feed.matches("<entry>").count(), 1);
    }
}
