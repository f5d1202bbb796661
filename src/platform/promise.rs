//! Waiting for the runtime's promises.
//!
//! One closure hears of all of them, by their places. `JsFuture` makes two closures for each promise and enters them with the garbage
//! collector, which is most of what waiting for one costs.

use std::cell::RefCell;
use std::future::Future;

use futures_channel::oneshot::{Sender, channel};
use js_sys::Promise;
use slab::Slab;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsError, JsValue};

#[wasm_bindgen(module = "/src/platform/promise.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = whenSettled)]
    fn when_settled(promise: &Promise, place: usize, settle: &Closure<Settle>) -> Result<(), JsValue>;
}

type Settle = dyn Fn(usize, bool, JsValue) -> Result<(), JsError>;

/// What a promise came to: its value, or the reason why there is none.
type Outcome = Result<JsValue, JsValue>;

thread_local! {
    /// Those who wait. One whose request was given up stays until its promise is settled.
    static WAITING: RefCell<Slab<Sender<Outcome>>> = const { RefCell::new(Slab::new()) };

    static SETTLE: Closure<Settle> = Closure::new(settle);
}

/// What a promise comes to. It is listened to from now on, not from the first poll.
pub fn settled(promise: &Promise) -> impl Future<Output = Outcome> + 'static {
    let (sender, receiver) = channel();
    let place = WAITING.with_borrow_mut(|waiting| waiting.insert(sender));
    let listening = SETTLE.with(|settle| when_settled(promise, place, settle));
    async move {
        listening?;
        receiver.await.unwrap_or_else(|_| Err(JsValue::from("a promise that nobody can settle any more")))
    }
}

fn settle(place: usize, is_kept: bool, value: JsValue) -> Result<(), JsError> {
    let sender = WAITING.with_borrow_mut(|waiting| waiting.try_remove(place));
    if let Some(sender) = sender {
        // Nobody waits where the request was given up.
        let _ = sender.send(if is_kept { Ok(value) } else { Err(value) });
    }
    Ok(())
}
