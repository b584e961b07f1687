import { assert, describe, it } from "@effect/vitest"
import * as parse from "../../../src/cli/common/flagParsers.ts"

describe("flagParsers", () => {
  it.each([
    ["660", 0o660],
    ["0600", 0o600],
    ["777", 0o777],
    ["800", undefined],
    ["66", undefined],
    ["1777", undefined]
  ])("reads %j as the mode of a file", (text, mode) => {
    assert.strictEqual(parse.fileMode(text), mode)
  })

  it.each([
    ["0", 0],
    ["22", 0o022],
    ["0027", 0o027],
    ["0o22", undefined],
    ["028", undefined],
    ["1777", undefined],
    ["", undefined]
  ])("reads %j as a umask", (text, mode) => {
    assert.strictEqual(parse.umask(text), mode)
  })

  it.each([
    ["5%", 0.05],
    ["0.5%", 0.005],
    ["100%", 1],
    ["0.05", 0.05],
    [".25", 0.25],
    ["1", 1],
    ["0", 0],
    ["101%", undefined],
    ["2", undefined],
    ["-1%", undefined],
    ["5 %", undefined],
    ["", undefined]
  ])("reads %j as a fraction", (text, fraction) => {
    assert.strictEqual(parse.fraction(text), fraction)
  })

  it.each([
    ["[::1]:80", { host: "::1", port: 80 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["::1:80", undefined],
    ["a:65536", undefined],
    [":80", undefined]
  ])("reads %j as an endpoint", (text, endpoint) => {
    assert.deepStrictEqual(parse.endpoint(text), endpoint)
  })

  it.each([
    ["127.0.0.1", true],
    ["::", true],
    ["fe80::1%eth0", true],
    ["::ffff:127.0.0.1", true],
    ["127.0.0.1%lo", false],
    ["fe80::1%", false],
    ["127.1", false],
    ["[::1]", false],
    ["localhost", false],
    ["", false]
  ])("reads %j as an address to listen on: %j", (text, isAddress) => {
    assert.strictEqual(parse.ipAddress(text), isAddress ? text : undefined)
  })
})
