//! What is in a bucket.

use super::Rule::Other;
use super::rules::set;
use super::{Broken, Limit, Part, Wanted, limit};

pub const LIMITS: &[Limit] = &[
    limit("aws.S3File", Other(one_source), "S3File, the standard library"),
    limit("aws.S3File", Other(key), "\"Naming Amazon S3 objects\", Amazon S3 user guide"),
    limit("aws.S3File", Other(metadata), "\"User-defined object metadata\", Amazon S3 user guide"),
    limit("aws.S3File", Other(headers), "PutObject, Amazon S3 API reference; RFC 9110, section 5.5"),
    limit("aws.S3Directory", Other(some_files), "S3Directory, the standard library"),
    limit("aws.S3Directory", Other(patterns), "S3Directory, the standard library"),
    limit("aws.Upload", Other(one_upload), "Upload, the standard library"),
    limit("aws.Upload", Other(headers), "PutObject, Amazon S3 API reference; RFC 9110, section 5.5"),
];

fn one_source(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (certain, possible) = set(&[wanted.get("source"), wanted.get("content")]);
    if possible == 0 {
        return vec![
            Broken::new("source", "nothing says what is in this file", "neither `source` nor `content` is set")
                .help("write `source asset(\"PATH\");` for a file, or `content \"TEXT\";`"),
        ];
    }
    if certain < 2 {
        return Vec::new();
    }
    vec![
        Broken::new("content", "`source` and `content` both say what is in this file", "only one of them can count")
            .and("source")
            .help("leave one of them out"),
    ]
}

fn key(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(key) = wanted.get("key").text() else { return Vec::new() };
    if (1..=1024).contains(&key.len()) {
        return Vec::new();
    }
    let message = if key.is_empty() { "`key` is empty" } else { "`key` is too long" };
    vec![Broken::new("key", message, format!("{} bytes, and S3 takes 1 to 1024", key.len()))]
}

fn metadata(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(entries) = wanted.get("metadata").entries() else { return Vec::new() };
    // RFC 9110, section 5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let broken = |message: String, label: &str| vec![Broken::new("metadata", message, label)];
    for (name, value) in &entries {
        if name.to_ascii_lowercase().starts_with("tadpole-") {
            let message = format!("the metadata `{name}` cannot be set by a program");
            return vec![
                Broken::new("metadata", message, "its name is reserved")
                    .help("names that begin with `tadpole-` are reserved: choose another one"),
            ];
        }
        if name.is_empty() || !name.bytes().all(is_token) {
            let message = format!("no metadata can be called `{}`", name.escape_debug());
            return broken(message, "a name is letters, digits and `-`, as that of a header");
        }
        if value.revealed().is_some_and(|text| text.chars().any(char::is_control)) {
            return broken(
                format!("the metadata `{name}` has a line break or another control character"),
                "it is sent as a header",
            );
        }
    }
    let mut names: Vec<String> = entries.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return broken(format!("the metadata `{}` is set twice", pair[0]), "its name has no case");
    }
    let size: usize = entries.iter().map(|(name, value)| name.len() + value.revealed().map_or(0, str::len)).sum();
    if size > 2048 {
        let label = format!("{size} bytes with their names, and S3 takes up to 2048");
        return broken("`metadata` is too long".to_string(), &label);
    }
    Vec::new()
}

fn headers(wanted: &Wanted<'_>) -> Vec<Broken> {
    let names = ["contentType", "cacheControl"];
    let odd = |name: &&str| {
        let text = wanted.get(name).text();
        text.is_some_and(|text| text.chars().any(|c| c.is_control() || !c.is_ascii()) || text.trim() != text)
    };
    let broken = names.into_iter().find(odd).map(|name| {
        let message = format!("`{name}` cannot be sent as a header");
        Broken::new(name, message, "US-ASCII, in one line, without spaces at its ends")
    });
    broken.into_iter().collect()
}

fn some_files(wanted: &Wanted<'_>) -> Vec<Broken> {
    let source = wanted.get("source");
    if source.is_unset() || !source.field("files").entries().is_some_and(|files| files.is_empty()) {
        return Vec::new();
    }
    // Of what is not known as a whole, the files are not known either.
    if source.field("path").text().is_none() {
        return Vec::new();
    }
    vec![
        Broken::new("source", "this folder has no files", "a directory without files cannot be told from none")
            .help("put a file into it"),
    ]
}

fn patterns(wanted: &Wanted<'_>) -> Vec<Broken> {
    let broken = ["cacheControl", "contentTypes"].into_iter().find_map(|attribute| {
        let patterns = wanted.get(attribute).entries()?;
        patterns.into_iter().find_map(|(pattern, _)| {
            let error = globset::GlobBuilder::new(pattern).literal_separator(false).build().err()?;
            let message = format!("`{}` is no pattern: {}", pattern.escape_debug(), error.kind());
            let help = "`*` stands for any text, `?` for one character, `{a,b}` for either: `*.{js,css}`";
            Some(Broken::new(attribute, message, "in here").help(help))
        })
    });
    broken.into_iter().collect()
}

fn one_upload(wanted: &Wanted<'_>) -> Vec<Broken> {
    let names = ["source", "content", "files"];
    let parts: Vec<Part<'_>> = names.iter().map(|name| wanted.get(name)).collect();
    let (certain, possible) = set(&parts);
    if possible == 0 || certain > 1 {
        return vec![
            Broken::new("source", "an upload is of one: `source`, `content` or `files`", "")
                .help("write `source asset(\"PATH\");`, `content \"TEXT\";` or `files folder(\"PATH/\");`"),
        ];
    }
    if parts[1].is_set() && wanted.get("key").is_unset() {
        return vec![
            Broken::new("key", "nothing says what the text is to be called in the bucket", "")
                .help("write `key \"NAME\";`"),
        ];
    }
    Vec::new()
}
