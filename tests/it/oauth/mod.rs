//! OAuth as an app and a person with a browser go through it.

mod answers;
mod asking;
mod flow;
mod refreshing;
mod unseen;
mod who;

use std::time::Duration;

use cairn_tests::{AppAnswer, Browser, OAuthApp, PASSWORD, Pushed, TestPds, View};

/// Where the pages of the flow send their forms.
const REQUEST: &str = "/oauth/authorize/request";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Signs in on the page that the view leads to, and comes back.
async fn sign_in(browser: &mut Browser, view: &View, name: &str) -> View {
    let page = browser.follow(view).await;
    assert!(view.location.starts_with("/account/sign-in?"), "{view:?}");
    let next = page.field("next");
    let fields = [("username", name), ("password", PASSWORD), ("remember", "1"), ("next", &next)];
    let view = browser.submit("/account/sign-in", &fields).await;
    assert_eq!(view.location, next, "{view:?}");
    browser.follow(&view).await
}

/// A browser that was signed in to accounts a minute ago.
async fn signed_in(pds: &TestPds, names: &[&str]) -> Browser {
    let mut browser = Browser::new(pds);
    for name in names {
        let fields = [("username", *name), ("password", PASSWORD), ("remember", "1")];
        assert_eq!(browser.fill("/account/sign-in", &fields).await.status, 303);
    }
    pds.world.clock().advance(MINUTE);
    browser
}

/// The boxes of a consent page: what is said beside them, and their values.
fn boxes(view: &View) -> Vec<(String, String)> {
    assert_eq!(view.status, 200, "{view:?}");
    let labels = view.html.split("<label for=\"keep-").skip(1);
    labels
        .map(|label| {
            let (at, rest) = label.split_once("\">").unwrap();
            let said = rest.split("</label>").next().unwrap().split(" <").next().unwrap();
            (said.to_owned(), at.to_owned())
        })
        .collect()
}

/// Presses a button of a consent page, with all boxes ticked but those of which this is said.
async fn decide(browser: &mut Browser, view: &View, decision: &str, unticked: &[&str]) -> View {
    let boxes = boxes(view);
    for said in unticked {
        assert!(boxes.iter().any(|(own, _)| own == said), "no box {said}: {boxes:?}");
    }
    let ticked = boxes.iter().filter(|(said, _)| !unticked.contains(&said.as_str()));
    let (uri, account) = (view.field("request_uri"), view.field("account"));
    let fixed = [("request_uri", uri.as_str()), ("account", &account), ("decision", decision)];
    let ticked = ticked.map(|(_, at)| ("keep", at.as_str()));
    let fields: Vec<(&str, &str)> = fixed.into_iter().chain(ticked).collect();
    browser.submit(REQUEST, &fields).await
}

/// From the consent page of a pushed request to what the app gets, with all boxes ticked but those of which this is said.
async fn allow(
    pds: &TestPds,
    app: &OAuthApp,
    browser: &mut Browser,
    (pushed, page): (&Pushed, &View),
    unticked: &[&str],
) -> AppAnswer {
    let view = decide(browser, page, "allow", unticked).await;
    let code = app.code(pds, &view);
    app.exchange(pds, pushed, &code).await
}

/// From a pushed request to an access token, for an account that is signed in.
pub async fn tokens(
    pds: &TestPds,
    app: &OAuthApp,
    browser: &mut Browser,
    pushed: &Pushed,
) -> AppAnswer {
    let page = browser.get(&pushed.page).await;
    allow(pds, app, browser, (pushed, &page), &[]).await
}
