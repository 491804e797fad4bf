//! Local records as the AppView would show them.

use cairn_model::{AtUri, RepoPath};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::auth::Session;
use crate::error::XrpcError;
use crate::proxy::Upstream;
use crate::xrpc::Cx;

use super::embeds;
use super::local::{self, LocalRecord, LocalRecords};

/// Sizes of pictures, by the names that the AppView's image server gives them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Preset {
    Avatar,
    Banner,
    Thumbnail,
    FullSize,
}

impl Preset {
    fn as_str(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::Banner => "banner",
            Self::Thumbnail => "feed_thumbnail",
            Self::FullSize => "feed_fullsize",
        }
    }
}

/// Makes views of the caller's records.
pub(super) struct Viewer<'a> {
    cx: &'a Cx<Session>,
    pub(super) upstream: &'a Upstream<'a>,
    pub(super) local: &'a LocalRecords,
    /// Read when the first post needs it.
    author: OnceCell<Value>,
}

impl<'a> Viewer<'a> {
    pub(super) fn new(
        cx: &'a Cx<Session>,
        upstream: &'a Upstream<'a>,
        local: &'a LocalRecords,
    ) -> Self {
        Self { cx, upstream, local, author: OnceCell::new() }
    }

    /// The caller's DID.
    pub(super) fn did(&self) -> &str {
        self.cx.caller.did().as_str()
    }

    /// Whether a profile view, of any detail, is the caller's.
    pub(super) fn is_own(&self, profile: &Value) -> bool {
        profile.get("did").and_then(Value::as_str) == Some(self.did())
    }

    /// Whether an address is of a record of the caller.
    pub(super) fn is_own_record(&self, uri: &str) -> bool {
        uri.strip_prefix("at://")
            .and_then(|rest| rest.strip_prefix(self.did()))
            .is_some_and(|rest| rest.starts_with('/'))
    }

    /// The post at an address, if it is one of the caller's that the AppView does not know. Its address may have the handle.
    pub(super) fn unknown_post(&self, uri: &AtUri) -> Option<&'a LocalRecord> {
        self.cx.own_repo(&uri.identifier().ok()?).ok()?;
        let (collection, rkey) = (uri.collection()?, uri.rkey()?);
        self.local.post(&format!("at://{}/{collection}/{rkey}", self.did()))
    }

    /// Unknown posts above a post, the nearest first, and the address of what is above them.
    pub(super) fn unknown_parents(
        &self,
        post: &'a LocalRecord,
    ) -> (Vec<&'a LocalRecord>, Option<&'a str>) {
        let mut own = Vec::new();
        let mut above = post.reply_to("parent");
        // A post is written after what it answers to; a repetition would be somebody's mischief.
        while let Some(parent) = above.and_then(|uri| self.local.post(uri))
            && own.len() < self.local.posts.len()
        {
            own.push(parent);
            above = parent.reply_to("parent");
        }
        (own, above)
    }

    /// `app.bsky.feed.defs#postView`; counts are zero for a post that nobody has seen.
    pub(super) async fn post(&self, post: &LocalRecord) -> Result<Value, XrpcError> {
        let author = self.author.get_or_try_init(|| self.read_author()).await?;
        let mut view = json!({
            "uri": post.uri,
            "cid": post.cid,
            "author": author,
            "record": post.record,
            "bookmarkCount": 0,
            "replyCount": 0,
            "repostCount": 0,
            "likeCount": 0,
            "quoteCount": 0,
            "indexedAt": post.indexed_at(),
        });
        if let Some(embed) = post.record.get("embed")
            && let (Some(embed), Some(view)) =
                (embeds::view(self, embed).await?, view.as_object_mut())
        {
            view.insert("embed".into(), embed);
        }
        Ok(view)
    }

    /// `app.bsky.actor.defs#profileViewBasic` of the caller.
    pub(super) async fn author(&self) -> Result<&Value, XrpcError> {
        self.author.get_or_try_init(|| self.read_author()).await
    }

    async fn read_author(&self) -> Result<Value, XrpcError> {
        let account = &self.cx.caller.account;
        let handle = account.handle.as_ref().map_or("handle.invalid", |handle| handle.as_str());
        let mut view = json!({ "did": account.did, "handle": handle });
        let path = RepoPath::parse(local::PROFILE_PATH).map_err(XrpcError::internal)?;
        let profile = self.cx.app.store.record(account.id, &path).await?;
        if let Some(profile) = profile.filter(|profile| profile.takedown_ref.is_none()) {
            self.update_basic(&mut view, &local::json_of(&profile.bytes)?);
        }
        Ok(view)
    }

    /// Brings `profileViewBasic`, which posts have, up to date.
    pub(super) fn update_basic(&self, view: &mut Value, profile: &Value) {
        let Some(view) = view.as_object_mut() else { return };
        set(view, "displayName", profile.get("displayName").cloned());
        set(view, "pronouns", profile.get("pronouns").cloned());
        set(view, "avatar", self.picture(profile.get("avatar"), Preset::Avatar));
    }

    /// Brings `profileViewDetailed` up to date.
    pub(super) fn update_detailed(&self, view: &mut Value, profile: &Value) {
        self.update_basic(view, profile);
        let Some(view) = view.as_object_mut() else { return };
        for name in ["description", "website", "pinnedPost"] {
            set(view, name, profile.get(name).cloned());
        }
        set(view, "banner", self.picture(profile.get("banner"), Preset::Banner));
    }

    /// The URL of a picture in one of the caller's records.
    pub(super) fn picture(&self, blob: Option<&Value>, preset: Preset) -> Option<Value> {
        let blob = blob?;
        // Records of 2022 name the CID itself.
        let cid = blob.pointer("/ref/$link").or_else(|| blob.get("cid"))?.as_str()?;
        let (config, did) = (&self.cx.app.config, self.did());
        let url = match &config.proxy.cdn_url_pattern {
            Some(pattern) => {
                let mut parts = pattern.splitn(4, "%s");
                let mut url = parts.next().unwrap_or_default().to_owned();
                for (value, rest) in [preset.as_str(), did, cid].into_iter().zip(parts) {
                    url.push_str(value);
                    url.push_str(rest);
                }
                url
            }
            None => {
                let base = &config.public_url;
                format!("{base}/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}")
            }
        };
        Some(Value::String(url))
    }
}

fn set(view: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => view.insert(name.to_owned(), value),
        None => view.remove(name),
    };
}
