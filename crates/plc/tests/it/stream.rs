//! The export stream over WebSocket.

use crate::support;

use std::time::Duration;

use cairn_plc::SequencedOp;
use futures_util::StreamExt;
use support::World;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(world: &World, query: &str) -> Socket {
    let url = format!("{}export/stream{query}", world.base).replace("http://", "ws://");
    connect_async(url).await.unwrap().0
}

async fn next(socket: &mut Socket) -> SequencedOp {
    let message = socket.next().await.unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

async fn close_reason(mut socket: Socket) -> String {
    loop {
        if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
            return frame.unwrap().reason.to_string();
        }
    }
}

#[tokio::test]
async fn a_cursor_catches_up_and_goes_on_live() {
    let world = World::start().await;
    let first = world.register("a.test").await;
    let second = world.register("b.test").await;
    let mut all = connect(&world, "?cursor=0").await;
    let mut live = connect(&world, "").await;
    let one = next(&mut all).await;
    let two = next(&mut all).await;
    assert_eq!((&one.did, &two.did), (&first.did, &second.did));
    assert!(one.seq < two.seq);

    let third = world.register("c.test").await;
    let three = next(&mut all).await;
    assert_eq!((&three.did, &three.operation), (&third.did, &third.genesis));
    assert_eq!(next(&mut live).await, three);

    let mut rest = connect(&world, &format!("?cursor={}", two.seq)).await;
    assert_eq!(next(&mut rest).await, three);
}

#[tokio::test]
async fn cursors_beyond_the_end_and_too_far_back_are_refused() {
    let world = World::start().await;
    world.register("a.test").await;
    let socket = connect(&world, "?cursor=99").await;
    assert_eq!(close_reason(socket).await, "FutureCursor");
    world.clock.advance(Duration::from_secs(7 * 24 * 3600 + 1));
    let socket = connect(&world, "?cursor=0").await;
    assert_eq!(close_reason(socket).await, "OutdatedCursor");
    let url = format!("{}export/stream?cursor=x", world.base).replace("http://", "ws://");
    connect_async(url).await.unwrap_err();
}
