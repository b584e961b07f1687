import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SockAddr from "../../../src/network/names/SockAddr.ts"

const between = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const bytesOf = (size: number) =>
  Arbitrary.map(
    Arbitrary.array(Arbitrary.schema(between(0xff)), { minLength: size, maxLength: size }),
    (bytes) => new Uint8Array(bytes)
  )
const Port = Arbitrary.schema(between(0xffff))
const Uint32 = Arbitrary.schema(between(0xffffffff))
const Order = Schema.Literals(["little", "big"])

const inetV4 = Arbitrary.map(Arbitrary.all([bytesOf(4), Port]), ([address, port]) => ({
  address: NetAddress.inetAddressFromInputUnsafe({ address, port })
}))
const inetV6 = Arbitrary.map(
  Arbitrary.all([bytesOf(16), Port, Uint32, Uint32]),
  ([address, port, scopeId, flowinfo]) => ({
    address: NetAddress.inetAddressFromInputUnsafe({ address, port, scopeId }),
    flowinfo
  })
)
const unix = Arbitrary.map(
  Arbitrary.filter(Arbitrary.schema(Schema.String), (path) => Result.isSuccess(encoded(path))),
  (path) => ({ address: NetAddress.unixPathAddress(path) })
)
const encoded = (path: string) => SockAddr.encode({ address: NetAddress.unixPathAddress(path) })

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
const inet = (text: string) => ({ address: NetAddress.inetAddressFromStringUnsafe(text) })
const reasonOf = (result: Result.Result<unknown, SockAddr.SockAddrError>) =>
  Result.getOrThrow(Result.flip(result)).reason

describe("SockAddr", () => {
  it("encode writes Linux's sockaddr_in", () => {
    const bytes = Result.getOrThrow(SockAddr.encode(inet("127.0.0.1:1067")))
    assert.strictEqual(hex(bytes), "0200" + "042b" + "7f000001" + "0000000000000000")
    const big = Result.getOrThrow(SockAddr.encode(inet("127.0.0.1:1067"), { order: "big" }))
    assert.strictEqual(hex(big), "0002" + "042b" + "7f000001" + "0000000000000000")
  })

  it("encode writes Linux's sockaddr_in6", () => {
    const bytes = Result.getOrThrow(SockAddr.encode({ ...inet("[fe80::1%3]:69"), flowinfo: 0x12345 }))
    assert.strictEqual(hex(bytes), "0a00" + "0045" + "00012345" + "fe80000000000000" + "0000000000000001" + "03000000")
  })

  it("encode writes Linux's sockaddr_un: path, abstract name, no name, full field", () => {
    assert.strictEqual(hex(Result.getOrThrow(encoded("/tmp/x"))), "0100" + "2f746d702f78" + "00")
    assert.strictEqual(hex(Result.getOrThrow(encoded("\0name"))), "0100" + "006e616d65")
    assert.strictEqual(hex(Result.getOrThrow(encoded(""))), "0100")
    assert.strictEqual(Result.getOrThrow(encoded("p".repeat(108))).length, 110)
  })

  it("decode keeps a byte order mark in a path", () => {
    const address = NetAddress.unixPathAddress("\ufeff/x")
    assert.deepEqual(
      Result.getOrThrow(Result.flatMap(SockAddr.encode({ address }), (bytes) => SockAddr.decode(bytes))),
      { address }
    )
  })

  it("encode rejects paths that are too long or not UTF-8", () => {
    assert.strictEqual(
      reasonOf(encoded("ä".repeat(55))).message,
      "path too long for a unix socket address: 110 bytes, at most 108"
    )
    assert.strictEqual(reasonOf(encoded("a\0b"))._tag, "PathNotText")
    assert.strictEqual(reasonOf(encoded("\ud800"))._tag, "PathNotText")
  })

  it("decode reports the reason for invalid bytes", () => {
    assert.strictEqual(reasonOf(SockAddr.decode(new Uint8Array(1)))._tag, "Truncated")
    assert.strictEqual(
      reasonOf(SockAddr.decode(Uint8Array.of(10, 0, 0, 0))).message,
      "truncated address: 4 bytes, 28 needed"
    )
    assert.deepStrictEqual(
      reasonOf(SockAddr.decode(Uint8Array.of(0, 2, 0, 0))),
      new SockAddr.UnknownFamily({ family: 512 })
    )
    assert.strictEqual(reasonOf(SockAddr.decode(Uint8Array.of(1, 0, 0xff)))._tag, "PathNotText")
    assert.strictEqual(reasonOf(SockAddr.decode(Uint8Array.of(1, ...new Array(111).fill(0))))._tag, "PathTooLong")
  })

  it("decode reads an address at the start of a larger structure, and a path up to its NUL", () => {
    const storage = new Uint8Array(128).fill(0xaa)
    storage.set(Result.getOrThrow(SockAddr.encode(inet("192.0.2.1:80"))))
    assert.strictEqual(String(Result.getOrThrow(SockAddr.decode(storage)).address), "192.0.2.1:80")
    const path = Uint8Array.from([1, 0, 0x2f, 0x61, 0, 0xff, 0xff])
    assert.strictEqual(String(Result.getOrThrow(SockAddr.decode(path)).address), "/a")
  })

  for (const [name, arbitrary] of [
    ["IPv4", inetV4],
    ["IPv6", inetV6],
    ["unix", unix]
  ] as const) {
    it.prop(
      `decode inverts encode: ${name}`,
      [arbitrary as Arbitrary.Arbitrary<SockAddr.SockAddr>, Order],
      ([x, order]) => {
        const back = Result.flatMap(SockAddr.encode(x, { order }), (bytes) => SockAddr.decode(bytes, { order }))
        assert.deepEqual(Result.getOrThrow(back), x)
      }
    )
  }

  const anyBytes = Arbitrary.map(
    Arbitrary.all([
      Arbitrary.schema(Schema.Literals([0, 1, 2, 10])),
      Arbitrary.schema(Order),
      Arbitrary.array(Arbitrary.schema(between(0xff)), { maxLength: 130 })
    ]),
    ([family, order, rest]) => ({
      order,
      bytes: Uint8Array.from(order === "little" ? [family, 0, ...rest] : [0, family, ...rest])
    })
  )
  it.prop("decode never throws, and its results can be encoded", [anyBytes], ([{ bytes, order }]) => {
    const read = SockAddr.decode(bytes, { order })
    if (Result.isFailure(read)) return assert.notInclude(read.failure.message, "\n")
    assert.isTrue(Result.isSuccess(SockAddr.encode(read.success, { order })))
  })

  const noCompiler =
    spawnSync("cc", ["--version"]).status === 0 && Os.platform() === "linux" ? "" : " (skipped: no C compiler on Linux)"
  it.effect.skipIf(noCompiler !== "")(`encode writes the bytes that C has in memory${noCompiler}`, () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "sockaddr-"))),
        (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
      )
      const program = Path.join(folder, "sockaddr")
      execFileSync("cc", ["-o", program, "-x", "c", "-"], { input: source })
      const order = Os.endianness() === "LE" ? "little" : "big"
      const ours = [
        inet("192.0.2.1:1067"),
        { ...inet("[fe80::1:2%7]:69"), flowinfo: 0x00abcdef },
        { address: NetAddress.unixPathAddress("/tmp/socket") }
      ].map((address) => hex(Result.getOrThrow(SockAddr.encode(address, { order }))))
      assert.deepStrictEqual(ours, execFileSync(program, { encoding: "utf8" }).trim().split("\n"))
    })
  )
})

const source = `
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
static void show(const void *address, size_t size) {
  const unsigned char *bytes = address;
  for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
  puts("");
}
int main(void) {
  struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(1067) };
  inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
  show(&v4, sizeof v4);
  struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(69), .sin6_scope_id = 7 };
  v6.sin6_flowinfo = htonl(0xabcdef);
  inet_pton(AF_INET6, "fe80::1:2", &v6.sin6_addr);
  show(&v6, sizeof v6);
  struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/tmp/socket" };
  show(&un, offsetof(struct sockaddr_un, sun_path) + strlen(un.sun_path) + 1);
  return 0;
}
`
