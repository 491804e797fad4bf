//! Accounts and what they say of themselves: `app.bsky.actor`, `app.bsky.notification`, `chat.bsky`, `com.germnetwork`.

use super::*;

pub(super) fn define(table: &mut Table) {
    table.singleton(
        "app.bsky.actor.contentVisibilityDeclaration",
        [req("hideFromAlgorithmicRecommendations", boolean())],
    );
    table.singleton(
        "app.bsky.actor.profile",
        [
            opt("displayName", prose(640, 64)),
            opt("description", prose(2_560, 256)),
            opt("pronouns", prose(200, 20)),
            opt("website", uri()),
            opt("avatar", avatar()),
            opt("banner", avatar()),
            opt("labels", self_labels()),
            opt("joinedViaStarterPack", strong_ref()),
            opt("pinnedPost", strong_ref()),
            opt("createdAt", datetime()),
        ],
    );
    table.singleton(
        "app.bsky.actor.status",
        [
            req("status", string()),
            opt("embed", union(["app.bsky.embed.external"])),
            opt("durationMinutes", at_least(1)),
            req("createdAt", datetime()),
        ],
    );
    table.singleton("app.bsky.notification.declaration", [req("allowSubscriptions", string())]);
    table.singleton(
        "chat.bsky.actor.declaration",
        [req("allowIncoming", string()), opt("allowGroupInvites", string())],
    );
    table.singleton(
        "com.germnetwork.declaration",
        [
            req("version", sized(5, 14)),
            req("currentKey", bytes()),
            opt("messageMe", to("com.germnetwork.declaration#messageMe")),
            opt("keyPackage", bytes()),
            opt("continuityProofs", list_of_at_most(1_000, bytes())),
        ],
    );
    let message_me_url = Schema::String(StringSchema {
        format: Some(Format::Uri),
        bytes: between(1, 2_047),
        ..StringSchema::default()
    });
    table.object(
        "com.germnetwork.declaration#messageMe",
        [req("messageMeUrl", message_me_url), req("showButtonTo", sized(1, 100))],
    );
}
