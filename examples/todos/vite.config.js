// Builds the app into `dist`: one page, its script and its style under names
// that change with their content, and the response headers for all of them.

import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => {
  const { VITE_SUPABASE_URL } = loadEnv(mode, import.meta.dirname, "VITE_");
  return {
    root: import.meta.dirname,
    // Nothing goes into the page as a `data:` address: the policy below does without them.
    build: { assetsInlineLimit: 0 },
    plugins: [responseHeaders(VITE_SUPABASE_URL)],
    // `npm run dev` serves the app with live reload and passes API calls on to
    // the Worker that `npm start` of the project runs.
    server: { proxy: { "^/(auth|rest|storage)/v1/": "http://127.0.0.1:54321" } },
  };
});

/**
 * Writes `_headers`, which Cloudflare's static assets read.
 *
 * @param {string | undefined} apiUrl where the API is, when it is not where the app is.
 */
function responseHeaders(apiUrl) {
  const api = ["'self'", apiUrl && new URL(apiUrl).origin].filter(Boolean).join(" ");
  const policy = [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `img-src ${api}`,
    `connect-src ${api}`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join("; ");

  const source = `/*
  Content-Security-Policy: ${policy}
  Referrer-Policy: no-referrer
  X-Content-Type-Options: nosniff

/assets/*
  Cache-Control: public, max-age=31536000, immutable
`;

  return {
    name: "response-headers",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "_headers", source });
    },
  };
}
