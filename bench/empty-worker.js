// The least a Worker can be: what a first request costs before there is any program.

export default {
  fetch() {
    return new Response("ok");
  },
};
