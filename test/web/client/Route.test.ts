import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Route from "../../../src/web/client/Route.ts"

/** A name of a service: a text without lone surrogates, which no address can hold. */
const Name = Schema.NonEmptyString.check(Schema.makeFilter((text) => text.isWellFormed()))

describe("Route", () => {
  it.each([
    ["", { page: "overview" }],
    ["#", { page: "overview" }],
    ["#/", { page: "overview" }],
    ["#/connections", { page: "connections" }],
    ["#/farm", { page: "farm" }],
    ["#/services/tftp", { page: "service", service: "tftp" }],
    ["#/play/board%202", { page: "play", service: "board 2" }],
    ["#/packets/a%2Fb", { page: "packets", service: "a/b" }],
    ["#/packets/tftp?with=127.0.0.1:4000", { page: "packets", service: "tftp", with: "127.0.0.1:4000" }],
    ["#/packets/tftp?with=%5B::1%5D:4000&x=1", { page: "packets", service: "tftp", with: "[::1]:4000" }],
    ["#/packets/tftp?with=", { page: "packets", service: "tftp" }],
    ["#/packets/?with=a", { page: "missing", path: "packets/?with=a" }],
    ["#/lab", { page: "lab", query: "" }],
    ["#/lab?protocol=tftp&seed=7", { page: "lab", query: "protocol=tftp&seed=7" }],
    ["#/laboratory", { page: "missing", path: "laboratory" }],
    ["#/services/", { page: "missing", path: "services/" }],
    ["#/services/%", { page: "missing", path: "services/%" }],
    ["#/services/a/b", { page: "missing", path: "services/a/b" }],
    ["#/constructor/x", { page: "missing", path: "constructor/x" }],
    ["#/__proto__/x", { page: "missing", path: "__proto__/x" }]
  ])("parse reads %s", (hash, route) => assert.deepStrictEqual(Route.parse(hash), route as Route.Route))

  it.each([
    ["#token=0123456789abcdef", "0123456789abcdef"],
    ["#token=_0-9.~Z89abcdefg&x=1", "_0-9.~Z89abcdefg"],
    [`#token=${"a".repeat(128)}`, "a".repeat(128)],
    ["#token=", undefined],
    ["#token=0123456789abcde", undefined],
    [`#token=${"a".repeat(129)}`, undefined],
    ["#token=0123456789abcdef ", undefined],
    ["#token=0123456789abcdef%00", undefined],
    ["#token=0123456789ab<b>x</b>", undefined],
    ["#/?token=0123456789abcdef", undefined]
  ])("the token of %s is %s", (hash, token) => {
    assert.strictEqual(Route.parseToken(hash), token)
    assert.strictEqual(Route.givesToken(hash), hash.startsWith("#token="))
  })

  it.prop(
    "parse reads the address of any service",
    [Name, Schema.Literals(["service", "play", "packets"])],
    ([service, page]) => {
      const route: Route.Route = { page, service }
      assert.deepStrictEqual(Route.parse(Route.format(route)), route)
      assert.include(Route.title(route), service.slice(0, 80))
    }
  )

  it.prop("parse reads the address of a client's packets", [Name, Name], ([service, text]) => {
    const end = text.slice(0, 100).toWellFormed()
    const route: Route.Route = { page: "packets", service, with: end }
    assert.deepStrictEqual(Route.parse(Route.format(route)), route)
    assert.strictEqual(Route.keyOf(route), Route.keyOf({ page: "packets", service }))
  })

  it("format shows the address of a client as it is read", () =>
    assert.strictEqual(
      Route.format({ page: "packets", service: "tftp", with: "127.0.0.1:4000" }),
      "#/packets/tftp?with=127.0.0.1:4000"
    ))

  it.prop("parse reads any text, and its route has a title and a key", [Schema.String], ([text]) => {
    const route = Route.parse(`#/${text}`)
    assert.isNotEmpty(Route.title(route))
    assert.match(Route.keyOf(route), /^#\//)
  })

  it.each(["services", "play", "packets"])("the title of a long name of %s is short", (page) => {
    const title = Route.title(Route.parse(`#/${page}/${"😀".repeat(5_000)}`))
    assert.isAtMost(title.length, 101)
    assert.isTrue(title.isWellFormed())
    assert.match(title, /…$/)
  })

  it("keyOf keeps a view when only its settings change", () => {
    assert.strictEqual(Route.keyOf(Route.parse("#/lab?seed=1")), Route.keyOf(Route.parse("#/lab?seed=2")))
    assert.notStrictEqual(Route.keyOf(Route.parse("#/services/a")), Route.keyOf(Route.parse("#/services/b")))
  })
})
