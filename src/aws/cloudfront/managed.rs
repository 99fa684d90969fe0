//! Amazon's own policies, which every account has under the same ids. Source: "Use managed cache policies" and
//! "Use managed origin request policies", Amazon CloudFront developer guide.

/// Cache policies: name and id.
pub const CACHE: &[(&str, &str)] = &[
    ("CachingOptimized", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
    ("CachingOptimizedForUncompressedObjects", "b2884449-e4de-46a7-ac36-70bc7f1ddd6d"),
    ("CachingDisabled", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"),
    ("Elemental-MediaPackage", "08627262-05a9-4f76-9ded-b50ca2e3a84f"),
    ("Amplify", "2e54312d-136d-493c-8eb9-b001f22f67d2"),
    ("UseOriginCacheControlHeaders", "83da9c7e-98b4-4e11-a168-04f0df8e2c65"),
    ("UseOriginCacheControlHeaders-QueryStrings", "4cc15a8a-d715-48a4-82b8-cc0b614638fe"),
];

/// Policies of what an origin gets to see: name and id.
pub const ORIGIN_REQUEST: &[(&str, &str)] = &[
    ("AllViewer", "216adef6-5c7f-47e4-b989-5492eafa07d3"),
    ("AllViewerAndCloudFrontHeaders-2022-06", "33f36d7e-f396-46d9-90e0-52428a34d9dc"),
    ("AllViewerExceptHostHeader", "b689b0a8-53d0-40ab-baf2-68738e2966ac"),
    ("CORS-CustomOrigin", "59781a5b-3903-41f3-afcb-af62929ccde1"),
    ("CORS-S3Origin", "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"),
    ("Elemental-MediaTailor-PersonalizedManifests", "775133bc-15f2-49f9-abea-afb2e0bf67d2"),
    ("HostHeaderOnly", "bf0718e1-ba1e-49d1-88b1-f726733018ae"),
    ("UserAgentRefererHeaders", "acba4595-bd28-49b8-b9fe-13317c0390fa"),
];

pub fn id(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
}

pub fn name(table: &[(&'static str, &str)], id: &str) -> Option<&'static str> {
    table.iter().find(|(_, known)| *known == id).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that the library offers are those of the tables: another one would be a policy without an id.
    #[test]
    fn every_policy_of_the_library_has_an_id() {
        let library = include_str!("../../../stdlib/aws/cloudfront.cloud");
        for (name_of_type, table) in [("ManagedCachePolicy", CACHE), ("ManagedOriginRequestPolicy", ORIGIN_REQUEST)] {
            let (_, rest) = library.split_once(&format!("type {name_of_type} =")).unwrap();
            let (text, _) = rest.split_once(';').unwrap();
            let names: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
            let known: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, known);
            for (at, (_, id)) in table.iter().enumerate() {
                assert!(id.len() == 36 && table[..at].iter().all(|(_, other)| other != id), "{id}");
            }
        }
    }
}
