import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as HostCheck from "../../src/web/HostCheck.ts"

const loopback = ["127.0.0.1", "127.0.0.1:8066", "[::1]", "[::1]:8066", "localhost", "LOCALHOST:80", "localhost.:8066"]

const foreign = [
  ...["rebound.example", "rebound.example:8066", "localhost.example", "a.localhost", "127.0.0.1.example"],
  ...["", " ", "127.0.0.1 ", "a b", "localhost:x", "localhost:", "localhost:123456", "http://localhost"],
  ...["localhost/", "localhost@rebound.example", "rebound.example, localhost", "localhost, localhost"],
  ...["[::1", "::1", "[rebound.example]", "[]", "127.1", "0x7f000001", "017700000001", "localhost\u0000", "xn--"]
]

const Text = Schema.Array(
  Schema.Literals(["localhost", "127.0.0.1", ".", ":", "80", "[", "]", "::1", "@", "/", ",", " ", "example", "-", "\n"])
)

describe("HostCheck", () => {
  it("allows IP literals and localhost, with any port", () => {
    for (const host of [...loopback, "192.0.2.7:8066", "[2001:db8::7]:1", "[::ffff:127.0.0.1]"]) {
      assert.isTrue(HostCheck.isHostAllowed(host), host)
    }
  })

  it("refuses names of other sites, and what is not a host", () => {
    for (const host of foreign) assert.isFalse(HostCheck.isHostAllowed(host), host)
    assert.isFalse(HostCheck.isHostAllowed(undefined))
  })

  it("allows the names of the operator", () => {
    assert.isTrue(HostCheck.isHostAllowed("page.example:443", ["Page.Example"]))
    assert.isFalse(HostCheck.isHostAllowed("other.page.example", ["page.example"]))
  })

  it.prop("allows no text that is not a host, of whatever parts", [Text], ([parts]) => {
    const host = parts.join("")
    if (!HostCheck.isHostAllowed(host)) return
    // What is allowed is a literal address, or the name of this host, to the parser of URLs too.
    const name = new URL(`http://${host}/`).hostname.replace(/^\[|\]$/g, "")
    assert.isTrue(Net.isIP(name) > 0 || name === "localhost" || name === "localhost.", name)
  })

  it("allows the origin of the page itself", () => {
    for (const host of loopback) {
      assert.isTrue(HostCheck.isOriginAllowed({ host, origin: `http://${host}` }), host)
    }
    assert.isTrue(HostCheck.isOriginAllowed({ host: "page.example", origin: "https://page.example" }, ["page.example"]))
  })

  it("refuses other origins: another port, another name of the same host, files and sandboxes", () => {
    const origins = [
      ...["http://127.0.0.1:3000", "http://localhost:8066", "https://rebound.example", "null", "", "file://"],
      ...["http://127.0.0.1:8066/", "http://127.0.0.1:8066@rebound.example", "ftp://127.0.0.1:8066", "127.0.0.1:8066"],
      ...["http://127.0.0.1:8066, http://127.0.0.1:8066", "chrome-extension://127.0.0.1:8066"]
    ]
    for (const origin of origins) {
      assert.isFalse(HostCheck.isOriginAllowed({ host: "127.0.0.1:8066", origin }), origin)
    }
  })

  it("allows a program that is not a browser, and no request without an origin from another site", () => {
    const host = "127.0.0.1:8066"
    assert.isTrue(HostCheck.isOriginAllowed({ host }))
    assert.isTrue(HostCheck.isOriginAllowed({ host, site: "same-origin" }))
    for (const site of ["cross-site", "same-site", "x"]) assert.isFalse(HostCheck.isOriginAllowed({ host, site }), site)
  })

  it("allows an origin of the operator behind a proxy that changes the host", () => {
    const checked = { host: "127.0.0.1:8066", origin: "https://page.example" }
    assert.isFalse(HostCheck.isOriginAllowed(checked))
    assert.isTrue(HostCheck.isOriginAllowed(checked, ["page.example"]))
  })
})
