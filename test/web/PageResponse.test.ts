import { assert, describe, it } from "@effect/vitest"
import * as PageResponse from "../../src/web/PageResponse.ts"

const host = "127.0.0.1:8066"

const route = (
  url: string,
  headers: Readonly<Record<string, string | undefined>> = {},
  method = "GET",
  names: ReadonlyArray<string> = []
) => {
  const found = PageResponse.route({ method, url, headers: { host, ...headers } }, names)
  return found._tag === "Refused" ? found.refusal.status : found._tag === "Asset" ? found.path : found._tag
}

const websocket = { upgrade: "websocket" }

describe("PageResponse", () => {
  it("route takes the path of an asset without the query", () => {
    assert.strictEqual(route("/"), "/")
    assert.strictEqual(route("/assets/main.js?x=/rpc"), "/assets/main.js")
    assert.strictEqual(route("/", {}, "HEAD"), "/")
  })

  it("route leaves a path as it is, so that none leads out of the assets", () => {
    for (const path of ["/../package.json", "/%2e%2e/a", "//a", "/assets/..%2fa", "*"]) {
      assert.strictEqual(route(path), path)
    }
  })

  it("route takes a WebSocket of the page itself", () => {
    assert.strictEqual(route("/rpc", { ...websocket, origin: `http://${host}` }), "Rpc")
    assert.strictEqual(route("/rpc?x", { upgrade: "WebSocket" }), "Rpc")
    const proxied = { ...websocket, host: "page.example", origin: "https://page.example" }
    assert.strictEqual(route("/rpc", proxied, "GET", ["page.example"]), "Rpc")
  })

  it("route refuses other hosts first, whatever they ask for", () => {
    for (const url of ["/", "/rpc", "/none"]) {
      assert.strictEqual(route(url, { host: "rebound.example:8066", ...websocket }), 421)
      assert.strictEqual(route(url, { host: undefined }, "POST"), 421)
    }
  })

  it("route refuses other origins, methods, bodies, and requests of /rpc without an upgrade", () => {
    assert.strictEqual(route("/rpc", { ...websocket, origin: "http://other.example" }), 403)
    assert.strictEqual(route("/rpc", { ...websocket, origin: "null" }), 403)
    assert.strictEqual(route("/rpc", { ...websocket, "sec-fetch-site": "cross-site" }), 403)
    assert.strictEqual(route("/rpc"), 426)
    assert.strictEqual(route("/rpc", { upgrade: "h2c" }), 426)
    assert.strictEqual(route("/rpc", websocket, "HEAD"), 426)
    for (const method of ["POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "get"]) {
      assert.strictEqual(route("/", {}, method), 405)
    }
    assert.strictEqual(route("/", { "content-length": "1" }), 413)
    assert.strictEqual(route("/", { "transfer-encoding": "chunked" }), 413)
    assert.strictEqual(route("/", { "content-length": "0" }), "/")
  })

  it("refuse protects its response as any other", () => {
    const { headers, status } = PageResponse.refuse({ status: 405, message: "no", headers: { allow: "GET" } })
    assert.strictEqual(status, 405)
    assert.deepInclude({ ...headers }, { ...PageResponse.securityHeaders, allow: "GET", "cache-control": "no-store" })
  })

  it("the policy allows scripts and styles of the page only, and no frame around it", () => {
    const policy = PageResponse.securityHeaders["content-security-policy"]
    assert.include(policy, "default-src 'none'; script-src 'self'; style-src 'self';")
    assert.include(policy, "frame-ancestors 'none'")
    assert.notMatch(policy, /unsafe|\*|https?:/)
  })

  const script = {
    type: "text/javascript",
    bytes: new Uint8Array(10),
    brotli: new Uint8Array(4),
    etag: '"a1"',
    isImmutable: true
  }

  it("asset is compressed if the browser takes brotli", () => {
    const lengths = (accepted: string | undefined) => {
      const { headers } = PageResponse.asset(script, { headers: { "accept-encoding": accepted } })
      assert.strictEqual(headers.vary, "accept-encoding")
      assert.strictEqual(headers.etag, headers["content-encoding"] === "br" ? '"a1-br"' : '"a1"')
      return headers["content-encoding"]
    }
    for (const accepted of ["br", "gzip, br", "gzip;q=1.0, BR;q=0.5", "br;q=0.001"]) {
      assert.strictEqual(lengths(accepted), "br", accepted)
    }
    for (const accepted of [undefined, "", "gzip", "br;q=0", "br; q=0.000", "brotli", "x-br"]) {
      assert.isUndefined(lengths(accepted), accepted)
    }
    const plain = PageResponse.asset({ ...script, brotli: undefined }, { headers: { "accept-encoding": "br" } })
    assert.isUndefined(plain.headers["content-encoding"])
    assert.isUndefined(plain.headers.vary)
  })

  it("asset is 304 if the browser has it, in the same form", () => {
    const status = (condition: string, accepted = "") =>
      PageResponse.asset(script, { headers: { "if-none-match": condition, "accept-encoding": accepted } }).status
    for (const condition of ['"a1"', 'W/"a1"', '"b", "a1"', "*"]) assert.strictEqual(status(condition), 304, condition)
    for (const condition of ['"a1-br"', '"a"', "a1", ""]) assert.strictEqual(status(condition), 200, condition)
    assert.strictEqual(status('"a1-br"', "br"), 304)
    assert.strictEqual(status('"a1"', "br"), 200)
  })

  it("asset is kept for ever if its path has a hash, else asked for again", () => {
    const cache = (isImmutable: boolean) =>
      PageResponse.asset({ ...script, isImmutable }, { headers: {} }).headers["cache-control"]
    assert.strictEqual(cache(true), "public, max-age=31536000, immutable")
    assert.strictEqual(cache(false), "no-cache")
  })
})
