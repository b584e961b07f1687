import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as FallbackUrl from "../../../src/tftp/fallback/FallbackUrl.ts"

const parse = (text: string) => Result.getOrThrow(FallbackUrl.parse(text))

const http = (text: string) => {
  const url = parse(text)
  return url._tag === "Http" ? url : assert.fail(`not HTTP: ${text}`)
}

describe("FallbackUrl", () => {
  it("parses the URL of a folder, with or without its slash", () => {
    assert.strictEqual(parse("http://192.0.2.1/boot").href, "http://192.0.2.1/boot/")
    assert.strictEqual(parse("HTTPS://Host:8443/a/b/").href, "https://host:8443/a/b/")
    assert.strictEqual(parse("http://host").href, "http://host/")
    const tftp = { _tag: "Tftp", href: "tftp://[::1]:6969/boot/", host: "::1", port: 6969, path: "boot/" }
    assert.deepStrictEqual(parse("tftp://[::1]:6969/boot"), tftp as FallbackUrl.FallbackUrl)
    assert.strictEqual(parse("tftp://host").href, "tftp://host/")
  })

  it("says why a URL is invalid, without its password", () => {
    const messages = {
      "ftp://host/": "invalid fallback URL ftp://host/: must be http://, https:// or tftp://, a host, and a folder",
      "/srv": "invalid fallback URL /srv: must be http://, https:// or tftp://, a host, and a folder",
      "http:///boot/": "invalid fallback URL http:///boot/: must be http://, https:// or tftp://, a host, and a folder",
      "http://a b/": "invalid fallback URL http://a b/: is not a valid URL; write http://HOST[:PORT]/FOLDER/",
      "http://me:pw@h/x?y=1":
        "invalid fallback URL http://h/x?y=1: must not have a query or a fragment: the names of the files follow the folder",
      "http://me:100%@h/": "invalid fallback URL http://h/: user and password must be percent-encoded; write % as %25",
      "http://me:p/w@h/": "invalid fallback URL http://h/: is not a valid URL; write http://HOST[:PORT]/FOLDER/",
      "http://me:1#w@h/":
        "invalid fallback URL http://h/: must not have a query or a fragment: the names of the files follow the folder",
      "http://h/a/%2e%2E/b": "invalid fallback URL http://h/a/%2e%2E/b/: must name a folder without .. in its path",
      "tftp://h:70000/": "invalid fallback URL tftp://h:70000/: the port must be a number from 1 to 65535",
      "tftp://h/a: b;mode=x": "invalid fallback URL tftp://h/a: b;mode=x/: the mode must be octet or netascii",
      "tftp://h/a;mode=netascii": "invalid fallback URL tftp://h/a;mode=netascii/: the mode must be octet or netascii"
    }
    for (const [url, message] of Object.entries(messages)) {
      const error = Result.getOrThrow(Result.flip(FallbackUrl.parse(url)))
      assert.strictEqual(error.message, message)
      assert.notMatch(error.url, /me:|@/)
    }
  })

  it("keeps user and password out of the URL", () => {
    const { authorization, href } = http("http://me:p%40ss@host/boot/")
    assert.strictEqual(href, "http://host/boot/")
    assert.strictEqual(Redacted.value(authorization!), `Basic ${btoa("me:p@ss")}`)
    assert.strictEqual(Redacted.value(http("http://me:a%2F..%2Fb@host/").authorization!), `Basic ${btoa("me:a/../b")}`)
    assert.strictEqual(http("http://host/").authorization, undefined)
  })

  it("refuses paths that lead out of the folder when they are decoded", () => {
    for (const path of [
      "..",
      "a/..;x/b",
      "%2e%2e",
      "a/%2E%2E%2fb",
      "%252e%252e/b",
      "..%5cb",
      "%25%32%65%252e/b",
      "a%2f..%2f..%2fb",
      `%${"25".repeat(16)}41`
    ]) {
      assert.strictEqual(FallbackUrl.pathOf(path.split("/")), undefined, path)
    }
    for (const path of ["a..b", "...", "%2e", "100%", "%zz", "a;x", "..a", "a%2fb"]) {
      assert.strictEqual(FallbackUrl.pathOf(path.split("/")), path)
    }
  })

  it("escapes all bytes of a name", () => {
    const folder = http("http://host/boot/")
    const url = FallbackUrl.fileUrl(folder, "a b/%2e?x#y/caf\udce9/ü")
    assert.strictEqual(url, "http://host/boot/a%20b/%252e%3Fx%23y/caf%E9/%C3%BC")
    assert.strictEqual(new URL(url).href, url)
  })

  it("follows redirects inside of the folder only", () => {
    const folder = http("http://host:8080/boot/")
    const from = "http://host:8080/boot/a/b"
    const targets = {
      c: "http://host:8080/boot/a/c",
      "../c?version=2": "http://host:8080/boot/c?version=2",
      "/boot/d": "http://host:8080/boot/d",
      "http://host:8080/boot/e": "http://host:8080/boot/e",
      "../../c": undefined,
      "/boot": undefined,
      "/boot-other/c": undefined,
      "/boot/%2e%2e/secret": undefined,
      "/boot/%252e%252e/secret": undefined,
      "/boot/..%2fsecret": undefined,
      "http://host/boot/a": undefined,
      "https://host:8080/boot/a": undefined,
      "http://me@host:8080/boot/a": undefined,
      "//evil:8080/boot/a": undefined,
      "file:///etc/passwd": undefined,
      "http://[": undefined
    }
    for (const [location, target] of Object.entries(targets)) {
      assert.strictEqual(FallbackUrl.redirect(folder, from, location), target, location)
    }
  })
})
