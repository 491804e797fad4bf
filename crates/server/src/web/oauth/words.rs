//! What an app may do, in the words of people.

use cairn_oauth::scope::{
    AccountAction, Audience, BlobScope, Grant, IncludeScope, Names, Power, RepoAction, RepoActions,
    Scopes,
};

use crate::oauth::authorize::PermissionSets;

use super::super::i18n::Text;
use super::collections;

/// One thing that the app wants to do.
pub struct Line {
    /// Its place among the grants of the request.
    pub at: usize,
    pub title: String,
    pub detail: String,
    pub items: Vec<Item>,
    /// How many items are not among them.
    pub n_more: usize,
    /// Whether it cannot be taken away.
    pub is_fixed: bool,
    pub reach: Reach,
    /// What a set of permissions holds.
    pub inside: Vec<Line>,
}

/// How much people give away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Usual,
    /// So much that they should think twice.
    Far,
    /// It can cost them the account.
    Grave,
}

/// One of several things that a line is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    pub text: String,
    /// A name of the protocol, not a word.
    pub is_code: bool,
}

/// More names help nobody; the technical details have them all.
const MAX_ITEMS: usize = 12;
/// Words of strangers, in characters.
const MAX_FOREIGN_CHARS: usize = 300;

/// What is needed to say what a request asks for.
pub struct Words<'a> {
    pub t: Text,
    pub sets: &'a PermissionSets,
    pub email: Option<&'a str>,
}

impl Words<'_> {
    /// The lines of the page, in its order.
    pub fn lines(&self, scopes: &Scopes) -> Vec<Line> {
        scopes.grants().iter().enumerate().map(|(at, grant)| self.line(at, grant)).collect()
    }

    fn line(&self, at: usize, grant: &Grant) -> Line {
        let t = self.t;
        let is_managed = |action: &AccountAction| *action == AccountAction::Manage;
        let mut line = Line::new(at);
        match &grant.power {
            Power::SignIn => {
                line.is_fixed = true;
                line.say(t.grant_sign_in(), t.grant_sign_in_detail());
            }
            Power::Email(AccountAction::Read) => {
                line.say(t.grant_email(), self.email.unwrap_or_default());
            }
            Power::Email(AccountAction::Manage) => {
                line.reach = Reach::Far;
                line.say(t.grant_email_manage(), self.email.unwrap_or_default());
            }
            Power::Set(include) => self.set(&mut line, include),
            Power::Records { collections, actions } => {
                self.records(&mut line, collections, *actions)
            }
            Power::Files(files) => self.files(&mut line, files),
            Power::Calls { aud, lxm } => self.calls(&mut line, aud, lxm),
            Power::AppPassword => {
                line.reach = Reach::Far;
                line.say(t.grant_app_password(), t.grant_app_password_detail());
            }
            Power::Chat => {
                line.reach = Reach::Far;
                line.say(t.grant_chat(), t.grant_chat_detail());
            }
            Power::Status(action) if is_managed(action) => {
                line.reach = Reach::Far;
                line.say(t.grant_status_manage(), t.grant_status_manage_detail());
            }
            Power::Status(_) => line.say(t.grant_status(), ""),
            Power::Repository(action) if is_managed(action) => {
                line.reach = Reach::Grave;
                line.say(t.grant_repository_manage(), t.grant_repository_manage_detail());
            }
            Power::Repository(_) => line.say(t.grant_repository(), t.grant_repository_detail()),
            Power::Handle => line.say(t.grant_handle(), t.grant_handle_detail()),
            Power::Identity => {
                line.reach = Reach::Grave;
                line.say(t.grant_identity(), t.grant_identity_detail());
            }
        }
        line
    }

    fn set(&self, line: &mut Line, include: &IncludeScope) {
        let Some(set) = self.sets.get(&include.nsid) else {
            return line.say(include.nsid.as_str(), "");
        };
        let language = self.t.language().tag();
        let foreign = |text: Option<&str>| -> String {
            text.unwrap_or_default().chars().take(MAX_FOREIGN_CHARS).collect()
        };
        let title = foreign(set.title(language));
        line.title = if title.trim().is_empty() { set.nsid().to_string() } else { title };
        line.detail = foreign(set.detail(language));
        line.items = vec![Item::code(set.nsid().as_str())];
        line.inside = self.lines(&set.scopes(include));
    }

    fn records(&self, line: &mut Line, collections: &Names, actions: RepoActions) {
        let has = |action| actions.contains(action);
        let t = self.t;
        let title =
            match (has(RepoAction::Create), has(RepoAction::Update), has(RepoAction::Delete)) {
                (true, true, true) => t.grant_records_all(),
                (true, true, false) => t.grant_records_create_update(),
                (true, false, true) => t.grant_records_create_delete(),
                (true, false, false) => t.grant_records_create(),
                (false, true, true) => t.grant_records_update_delete(),
                (false, true, false) => t.grant_records_update(),
                (false, false, _) => t.grant_records_delete(),
            };
        line.say(title, "");
        if *collections == Names::Any {
            line.reach = Reach::Far;
            line.detail = t.grant_records_any().to_owned();
            return;
        }
        let item = |name: &str| match collections::word(t, name) {
            Some(word) => Item::word(word),
            None => Item::code(name),
        };
        line.list(collections.as_strs().into_iter().map(item));
    }

    fn files(&self, line: &mut Line, files: &BlobScope) {
        let t = self.t;
        line.say(t.grant_files(), "");
        line.list(files.accept().iter().map(|pattern| match pattern.as_str() {
            "*/*" => Item::word(t.files_any()),
            "image/*" => Item::word(t.files_images()),
            "video/*" => Item::word(t.files_videos()),
            "audio/*" => Item::word(t.files_sounds()),
            other => Item::code(other),
        }));
    }

    fn calls(&self, line: &mut Line, aud: &Audience, lxm: &Names) {
        let t = self.t;
        line.title = match aud {
            Audience::Any => t.grant_calls_anywhere().to_owned(),
            Audience::Service(service) => {
                let did = service.did();
                t.grant_calls(did.strip_prefix("did:web:").unwrap_or(did))
            }
        };
        if *lxm == Names::Any {
            line.reach = Reach::Far;
            line.detail = t.grant_calls_any().to_owned();
        } else {
            line.list(lxm.as_strs().into_iter().map(Item::code));
        }
    }
}

/// Whether a grant can cost somebody the account, or does what the pages of an account ask everything for again.
pub fn costs_an_account(power: &Power) -> bool {
    match power {
        Power::Identity | Power::Handle => true,
        Power::Repository(action) | Power::Status(action) => *action == AccountAction::Manage,
        _ => false,
    }
}

impl Line {
    pub fn is_far(&self) -> bool {
        self.reach == Reach::Far
    }

    pub fn is_grave(&self) -> bool {
        self.reach == Reach::Grave
    }

    fn new(at: usize) -> Self {
        Self {
            at,
            title: String::new(),
            detail: String::new(),
            items: Vec::new(),
            n_more: 0,
            is_fixed: false,
            reach: Reach::Usual,
            inside: Vec::new(),
        }
    }

    fn say(&mut self, title: &str, detail: &str) {
        self.title = title.to_owned();
        self.detail = detail.to_owned();
    }

    /// Lists items, each word once.
    fn list(&mut self, items: impl Iterator<Item = Item>) {
        for item in items {
            if self.items.contains(&item) {
                continue;
            }
            if self.items.len() < MAX_ITEMS {
                self.items.push(item);
            } else {
                self.n_more += 1;
            }
        }
    }
}

impl Item {
    fn word(text: &str) -> Self {
        Self { text: text.to_owned(), is_code: false }
    }

    fn code(text: &str) -> Self {
        Self { text: text.to_owned(), is_code: true }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    fn lines(language: Language, scope: &str) -> Vec<Line> {
        let sets = PermissionSets::default();
        let words = Words { t: Text::new(language), sets: &sets, email: Some("a@b.test") };
        words.lines(&Scopes::parse(scope))
    }

    #[test]
    fn scopes_are_said_in_words() {
        let scope = "atproto account:email repo:app.bsky.feed.post repo:app.bsky.graph.list \
                     repo:app.bsky.graph.listitem repo:com.example.note?action=delete blob:image/* \
                     rpc:com.example.get?aud=did:web:api.example.com%23svc identity:*";
        let said: Vec<(String, String)> = lines(Language::En, scope)
            .into_iter()
            .map(|line| {
                let items = line.items.iter().map(|item| item.text.as_str());
                (line.title, items.collect::<Vec<_>>().join(", "))
            })
            .collect();
        let expected = [
            ("Know who you are", ""),
            ("See your e-mail address", ""),
            ("Delete records", "com.example.note"),
            ("Create, change and delete records", "posts, lists"),
            ("Upload files", "pictures"),
            ("Ask api.example.com in your name", "com.example.get"),
            ("Change your whole identity", ""),
        ];
        let expected: Vec<(String, String)> =
            expected.map(|(title, items)| (title.to_owned(), items.to_owned())).into();
        assert_eq!(said, expected);
    }

    #[test]
    fn what_reaches_far_is_marked() {
        let reach = |scope: &str| lines(Language::Fr, &format!("atproto {scope}"))[1].reach;
        for scope in ["transition:generic", "repo:*", "account:status?action=manage"] {
            assert_eq!(reach(scope), Reach::Far, "{scope}");
        }
        for scope in ["identity:*", "account:repo?action=manage"] {
            assert_eq!(reach(scope), Reach::Grave, "{scope}");
        }
        for scope in ["transition:email", "repo:app.bsky.feed.post", "identity:handle", "blob:*/*"]
        {
            assert_eq!(reach(scope), Reach::Usual, "{scope}");
        }
    }

    #[test]
    fn long_lists_end() {
        let names: Vec<String> = (0..40).map(|n| format!("repo:com.example.c{n}")).collect();
        let lines = lines(Language::En, &format!("atproto {}", names.join(" ")));
        assert_eq!((lines[1].items.len(), lines[1].n_more), (MAX_ITEMS, 40 - MAX_ITEMS));
        assert!(lines[0].is_fixed && !lines[1].is_fixed);
    }
}
