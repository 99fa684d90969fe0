//! Where calls go and as whom: the configuration that the AWS tools share on this machine, and one
//! client a service, region and profile. Nothing here knows what is called.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::Credentials;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::recent::Recent;
use super::remedy::{Environment, Way};

/// A call without an answer for this long is given up. RunInstances of hundreds takes the longest.
const PATIENCE_OF_A_CALL: Duration = Duration::from_secs(60);

/// Credentials that end sooner than this are fetched anew.
const LAST_MINUTES: Duration = Duration::from_secs(300);

/// What is to be other than the configuration of the machine says. Nothing, as a rule.
#[derive(Clone, Default, Debug)]
pub struct Settings {
    /// Where all calls go instead of to Amazon: `http://127.0.0.1:5000`.
    pub endpoint: Option<String>,
    /// As whom, instead of as whom the environment, the profile or the machine says.
    pub keys: Option<Keys>,
    /// The directory of the program, where the paths of its files start; here, when empty.
    pub directory: PathBuf,
}

#[derive(Clone)]
pub struct Keys {
    pub access: String,
    pub secret: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.access)
    }
}

/// Where a resource lives, by its own attributes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Deserialize)]
pub struct Site {
    pub region: String,
    pub profile: Option<String>,
}

/// The clients of one site, made when first asked for and then shared: each has its own connections.
pub struct Session {
    pub region: String,
    directory: PathBuf,
    /// What is known to exist, also elsewhere.
    pub recent: Arc<Recent>,
    /// For faults: what only a session knows helps to mend them.
    pub way: Way,
    config: SdkConfig,
    /// Those that were fetched last, for what the SDK's clients do not sign themselves.
    fetched: Mutex<Option<Credentials>>,
    s3: OnceLock<aws_sdk_s3::Client>,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    rds: OnceLock<aws_sdk_rds::Client>,
    cloudfront: OnceLock<aws_sdk_cloudfront::Client>,
    tagging: OnceLock<aws_sdk_resourcegroupstagging::Client>,
    /// Buckets that were emptied to be deleted, with how often they were emptied again since.
    emptied: std::sync::Mutex<BTreeMap<String, usize>>,
}

/// A bucket that is being written to is emptied again this often before its deletion is given up.
const EMPTIED_AGAIN: usize = 5;

impl Session {
    /// Keeps in mind that a bucket was emptied.
    pub fn note_emptied(&self, bucket: &str) {
        self.emptied.lock().unwrap_or_else(PoisonError::into_inner).entry(bucket.to_string()).or_default();
    }

    /// Whether a bucket was emptied by this process; and if so, whether it may be emptied again.
    pub fn empties_again(&self, bucket: &str) -> Option<bool> {
        let mut emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
        let times = emptied.get_mut(bucket)?;
        *times += 1;
        Some(*times <= EMPTIED_AGAIN)
    }

    /// Where a file of the program lies.
    pub fn file(&self, path: &str) -> PathBuf {
        self.directory.join(Path::new(path))
    }

    /// As whom this session calls.
    ///
    /// # Errors
    /// When there are no credentials, or they could not be had.
    pub async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut fetched = self.fetched.lock().await;
        let lasts = |ends: SystemTime| ends > SystemTime::now() + LAST_MINUTES;
        if let Some(credentials) = fetched.as_ref().filter(|known| known.expiry().is_none_or(lasts)) {
            return Ok(credentials.clone());
        }
        let Some(provider) = self.config.credentials_provider() else {
            return Err(CredentialsError::not_loaded_no_source());
        };
        let credentials = provider.provide_credentials().await?;
        *fetched = Some(credentials.clone());
        Ok(credentials)
    }

    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| {
            // Where calls go elsewhere than to Amazon, a name with the bucket before it is rarely known.
            let elsewhere = self.config.endpoint_url().is_some();
            let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(elsewhere);
            aws_sdk_s3::Client::from_conf(config.build())
        })
    }

    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.ec2.get_or_init(|| aws_sdk_ec2::Client::new(&self.config))
    }

    pub fn rds(&self) -> &aws_sdk_rds::Client {
        self.rds.get_or_init(|| aws_sdk_rds::Client::new(&self.config))
    }

    pub fn cloudfront(&self) -> &aws_sdk_cloudfront::Client {
        self.cloudfront.get_or_init(|| aws_sdk_cloudfront::Client::new(&self.config))
    }

    /// The index of all tags.
    pub fn tagging(&self) -> &aws_sdk_resourcegroupstagging::Client {
        self.tagging.get_or_init(|| aws_sdk_resourcegroupstagging::Client::new(&self.config))
    }
}

#[derive(Default)]
pub struct Sessions {
    settings: Settings,
    pub recent: Arc<Recent>,
    /// By profile. All regions of a profile share its credentials, so that they are fetched once.
    configs: Mutex<HashMap<Option<String>, SdkConfig>>,
    open: Mutex<HashMap<Site, Arc<Session>>>,
}

impl Sessions {
    pub fn new(settings: Settings) -> Sessions {
        Sessions { settings, ..Sessions::default() }
    }

    pub async fn at(&self, site: &Site) -> Arc<Session> {
        let mut open = self.open.lock().await;
        if let Some(session) = open.get(site) {
            return session.clone();
        }
        let config = self.config(site).await;
        let session = Arc::new(Session {
            region: site.region.clone(),
            directory: self.settings.directory.clone(),
            recent: self.recent.clone(),
            way: self.way(site, &config),
            config: config.into_builder().region(Region::new(site.region.clone())).build(),
            fetched: Mutex::new(None),
            s3: OnceLock::new(),
            ec2: OnceLock::new(),
            rds: OnceLock::new(),
            cloudfront: OnceLock::new(),
            tagging: OnceLock::new(),
            emptied: std::sync::Mutex::default(),
        });
        open.insert(site.clone(), session.clone());
        session
    }

    fn way(&self, site: &Site, config: &SdkConfig) -> Way {
        Way {
            region: site.region.clone(),
            profile: site.profile.clone(),
            endpoint: config.endpoint_url().map(str::to_string),
            environment: Environment::of_this_process(),
        }
    }

    async fn config(&self, site: &Site) -> SdkConfig {
        let mut configs = self.configs.lock().await;
        if let Some(config) = configs.get(&site.profile) {
            return config.clone();
        }
        // The engine retries, with one budget for all calls; a second layer would multiply it.
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE_OF_A_CALL).build())
            // Known already, so that no file and no network is asked for it.
            .region(Region::new(site.region.clone()));
        if let Ok(name) = AppName::new("tadpole") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &site.profile {
            // The SDK alone would prefer keys in the environment to a profile that the program names,
            // and work in another account than it says.
            let provider = ProviderConfig::without_region().with_region(Some(Region::new(site.region.clone())));
            let credentials = ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile);
            loader = loader.profile_name(profile).credentials_provider(credentials.build());
        }
        if let Some(endpoint) = &self.settings.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(keys) = &self.settings.keys {
            loader = loader.credentials_provider(Credentials::new(&keys.access, &keys.secret, None, None, "tadpole"));
        }
        let config = loader.load().await;
        configs.insert(site.profile.clone(), config.clone());
        config
    }
}
