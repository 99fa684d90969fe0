//! `Webhook`: tells a site something, and that it was told.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use sha2::Sha256;

use crate::action::request::{Request, saying, seen_in_part, set};
use crate::action::setting::Settings;
use crate::action::{Scene, failed};
use crate::apply::hidden::Hidden;
use crate::apply::provider::Fault;
use crate::model::action::Action;

/// Who hears it twice, knows by this header that it is the same.
const ONCE: &str = "idempotency-key";

/// Passes when the site says that it heard.
///
/// # Errors
/// What it said instead.
pub async fn run(action: &Action, scene: &Scene<'_>) -> Result<(), Fault> {
    let settings = Settings::of(action, scene);
    let hidden = settings.hidden(scene);
    let told = tell(action, scene, &settings, &hidden).await;
    told.map_err(|fault| hidden.fault(fault))
}

async fn tell(action: &Action, scene: &Scene<'_>, settings: &Settings<'_>, hidden: &Hidden) -> Result<(), Fault> {
    let mut request = Request::of(settings, 0)?;
    let body = request.body.as_deref().unwrap_or_default();
    if request.body.is_some() && !request.headers.contains_key(CONTENT_TYPE) {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        set(&mut request.headers, CONTENT_TYPE.as_str(), kind)?;
    }
    if let Some(secret) = settings.text("secret")? {
        let header = settings.text("signatureHeader")?.unwrap_or_else(|| "X-Signature-256".to_string());
        set(&mut request.headers, &header, &signature(secret.as_bytes(), body.as_bytes()))?;
    }
    set(&mut request.headers, ONCE, scene.token)?;
    let response = match request.send(scene).await? {
        Ok(response) => response,
        Err(why) => return Err(failed(action, scene, &why)),
    };
    let (site, status) = (&request.site, response.status());
    let statuses = settings.numbers("expectStatus").unwrap_or_default();
    let heard = match statuses.as_slice() {
        [] => status.is_success(),
        statuses => statuses.contains(&i64::from(status.as_u16())),
    };
    if heard {
        return Ok(());
    }
    let wanted: Vec<String> = statuses.iter().map(i64::to_string).collect();
    let wanted = if wanted.is_empty() { "200 to 299".to_string() } else { wanted.join(" or ") };
    let body = request.body(response).await.unwrap_or_default();
    let said = saying(&body, seen_in_part(&body), hidden);
    Err(failed(action, scene, &format!("{site} answered {status}, and not {wanted}{said}")))
}

/// As `GitHub` signs what it tells.
fn signature(secret: &[u8], body: &[u8]) -> String {
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

#[cfg(test)]
mod tests {
    /// The example of "Validating webhook deliveries" in the documentation of `GitHub`.
    #[test]
    fn bodies_are_signed_as_github_signs_them() {
        assert_eq!(
            super::signature(b"It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
