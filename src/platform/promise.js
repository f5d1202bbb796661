// The JavaScript half of promise.rs.

/** Tells `settle` once what a promise came to: its place, whether it was kept, and its value or its reason. */
export function whenSettled(promise, place, settle) {
  promise.then((value) => settle(place, true, value), (reason) => settle(place, false, reason));
}
