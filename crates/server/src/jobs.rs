//! Work that goes on beside the requests.

mod crawl;

use crate::app::App;

/// Starts the jobs; they end when the server stops.
pub(crate) fn start(app: &App) {
    for relay in &app.config.crawlers {
        app.tasks.spawn(crawl::keep_followed(app.clone(), relay.clone()));
    }
}
