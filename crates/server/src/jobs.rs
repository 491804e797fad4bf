//! Work that goes on beside the requests.

mod arrivals;
mod crawl;
mod figures;
mod founding;
mod rotation;
mod tidy;

use std::sync::Arc;

use crate::accounts::moving;
use crate::app::App;

/// Starts the jobs; they end when the server stops.
pub(crate) fn start(app: &App) {
    app.tasks.spawn(tidy::keep_tidy(app.clone()));
    app.tasks.spawn(founding::keep_level(app.clone(), app.clock.now()));
    app.tasks.spawn(figures::keep_samples(app.clone()));
    app.tasks.spawn(rotation::keep_level(app.clone()));
    app.tasks.spawn(moving::resume_all(app.clone()));
    for relay in app.relays.all() {
        app.tasks.spawn(crawl::keep_followed(app.clone(), Arc::clone(relay)));
    }
}
