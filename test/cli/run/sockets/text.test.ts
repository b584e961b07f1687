import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Screen from "../../../../src/cli/run/sockets/screen.ts"
import * as Text from "../../../../src/cli/run/sockets/text.ts"
import type * as SocketTable from "../../../../src/inspect/SocketTable.ts"
import * as SocketFilter from "../../../../src/inspect/sockets/SocketFilter.ts"
import * as SocketRecords from "../../../../src/inspect/sockets/SocketRecords.ts"
import * as Table from "../../../../src/terminal/Table.ts"
import { between, row } from "../../../inspect/sockets/ProcFiles.ts"

const hostile = "\u001b]0;x\u0007\r\neffect-inet: forged\u009b5A\u202e"

const process = (
  pid: number,
  name: string,
  commandLine: ReadonlyArray<string> = [name]
): SocketTable.SocketProcess => ({
  ...{ pid, name, commandLine, parentPid: 1, uid: 33, user: "www-data", controlGroup: "/", unit: "nginx.service" }
})

const held = (
  socket: SocketTable.Socket,
  ...processes: ReadonlyArray<SocketTable.SocketProcess>
): SocketTable.Socket => ({
  ...socket,
  ownership: "open",
  holders: processes.map((one) => ({ owner: one, descriptors: [6] }))
})

const tcp = (given: Parameters<typeof row>[0]) => SocketRecords.ofInet(row(given), "tcp", undefined)!

const listener = {
  ...held(
    tcp({ localAddress: "0.0.0.0", localPort: 80, receiveQueue: 3 }),
    process(812, "nginx", ["nginx: master process /usr/sbin/nginx -g daemon on;"]),
    ...[813, 814, 815, 816].map((pid) => process(pid, "nginx"))
  ),
  user: "root",
  service: "http"
}
const client = {
  ...held(
    tcp({
      ...{ stateCode: 1, localPort: 40_000, peerAddress: "10.1.2.3", peerPort: 5432, sendQueue: 512 },
      ...{ timerCode: 1, timerTicks: 20, retransmits: 2 }
    }),
    process(901, hostile, [hostile.repeat(100)])
  ),
  service: "postgresql"
}
const unix = SocketRecords.ofUnix(
  { flags: 0x10000, typeCode: 1, stateCode: 1, inode: 5, path: "/run/user/1000/systemd/private" },
  undefined
)!

const tableOf = (width: number, ...sockets: ReadonlyArray<SocketTable.Socket>) =>
  Table.fitText(Text.columns, sockets, width)

/** A line that a terminal shows as it is. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const safe = /^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$/u

const anyText = Arbitrary.schema(Schema.String)
const anySocket = Arbitrary.map(
  Arbitrary.all([
    between(0, 4),
    between(0, 65_535),
    between(1, 11),
    anyText,
    Arbitrary.array(anyText, { maxLength: 4 })
  ]),
  ([kind, port, stateCode, name, commandLine]) => {
    const socket =
      kind === 0
        ? SocketRecords.ofUnix({ flags: 0, typeCode: 1, stateCode: 1, inode: port, path: name }, 4_026_531_840)!
        : tcp({ localPort: port, stateCode, peerPort: port % 7, timerCode: kind, receiveQueue: 10 ** kind })
    return kind === 1 ? socket : held(socket, process(port, name, commandLine), process(kind, "other"))
  }
)

describe("the table of sockets", () => {
  it("has all that a wide terminal shows", () => {
    assert.strictEqual(
      tableOf(200, listener),
      [
        "proto  state   recv  local       service  process  pid             fd  user  unit           command",
        "tcp    listen     3  0.0.0.0:80  http     nginx    812,813,814,+2  6   root  nginx.service  nginx: master process /usr/sbin/nginx -g daemon on;"
      ].join("\n")
    )
  })

  it("leaves out what matters least, and cuts the command line, on a narrow terminal", () => {
    assert.strictEqual(
      tableOf(60, listener),
      [
        "proto  state   local       service  process  pid",
        "tcp    listen  0.0.0.0:80  http     nginx    812,813,814,+2"
      ].join("\n")
    )
    assert.strictEqual(
      tableOf(40, listener),
      ["proto  state   local       process", "tcp    listen  0.0.0.0:80  nginx"].join("\n")
    )
    assert.match(tableOf(140, listener), /nginx: master process \/usr.*~$/m)
  })

  it("escapes the texts of processes", () => {
    const text = tableOf(1_000, client)
    assert.include(text, "\\u001b]0;x\\u0007")
    for (const line of text.split("\n")) assert.match(line, safe)
  })

  it("shows timers, queues and unix sockets", () => {
    assert.match(
      tableOf(300, client),
      /tcp +established +0 +512 +127\.0\.0\.1:40000 +10\.1\.2\.3:5432 +postgresql .* on 0\.2s x2 /
    )
    assert.match(
      tableOf(300, unix),
      /^proto +state +local +inode +process .*\nu_str +listen +\/run\/user\/1000\/systemd\/private +5 +-/
    )
  })

  it("has the inodes of unix sockets only", () => {
    assert.match(tableOf(300, listener, unix), /^proto .* inode .*\ntcp .*\nu_str +listen +\/run\S+ +5 +-/)
    assert.notMatch(tableOf(300, listener), /inode/)
    assert.notMatch(tableOf(300, { ...unix, inode: 0 }), /inode/)
  })

  it("says why a socket has no process", () => {
    const shown = (ownership: SocketTable.Ownership, stateCode = 1) =>
      Text.processOf({ ...tcp({ stateCode, inode: 0 }), ownership })
    assert.deepStrictEqual(
      [shown("hidden"), shown("unaccepted"), shown("closed", 5), shown("closed", 6), shown("none")],
      ["?", "(not accepted)", "(closed)", "", "-"]
    )
  })

  it.prop(
    "fits any width from 40 to 200, in safe lines",
    [Arbitrary.array(anySocket, { maxLength: 8 }), between(40, 200)],
    ([sockets, width]) => {
      const lines = tableOf(width, ...sockets).split("\n")
      assert.strictEqual(lines.length, sockets.length + 1)
      for (const line of lines) {
        assert.isAtMost(line.length, width)
        assert.match(line, safe)
      }
    }
  )
})

describe("the JSON of sockets", () => {
  it("describes a process once, with its whole command line", () => {
    const both = held(tcp({ localPort: 81 }), client.holders[0]!.owner)
    const json = Text.listToJson({ sockets: [client, both], notes: ["a"], omittedNamespaces: 0, maxBacklog: 4096 })
    assert.deepStrictEqual(json.processes, [client.holders[0]!.owner])
    assert.deepInclude(JSON.parse(JSON.stringify(json.sockets[1])), {
      local: { address: "127.0.0.1", port: 81 },
      processes: [{ pid: 901, name: hostile, descriptors: [6] }]
    })
    assert.strictEqual(json.processes[0]?.commandLine[0], hostile.repeat(100))
  })
})

describe("the guide of the command line", () => {
  it("names each field of the JSON", () => {
    const guide = Fs.readFileSync("docs/guide/command-line.md", "utf8")
      .split("\n## ")
      .find((part) => part.startsWith("Sockets\n"))
    const list = Text.listToJson({ sockets: [client], notes: [], omittedNamespaces: 0, maxBacklog: 4096 })
    const change = Text.changeToJson({ kind: "changed", socket: client, before: client }, "2026-01-01T00:00:00.000Z")
    const fields = [
      list,
      list.sockets[0]!,
      list.processes[0]!,
      change,
      change.processes[0]!,
      client.local!,
      client.timer!
    ]
    for (const field of fields.flatMap((one) => Object.keys(one))) assert.include(guide, `\`${field}\``)
  })
})

describe("a change of a socket", () => {
  it("is one line with the values that differ", () => {
    const after = { ...client, state: "close-wait" as const, sendQueue: 0 }
    const line = Text.describeChange({ kind: "changed", socket: after, before: client })
    assert.match(
      line,
      /^changed tcp close-wait 127\.0\.0\.1:40000 10\.1\.2\.3:5432 .* 901, state established -> close-wait, send 512 -> 0$/
    )
    assert.match(line, safe)
    assert.strictEqual(
      Text.describeChange({ kind: "new", socket: unix, before: undefined }),
      "new u_str listen /run/user/1000/systemd/private -"
    )
  })
})

describe("the screen of sockets", () => {
  const list = { notes: ["1 socket belongs to processes of other users"], omittedNamespaces: 0, maxBacklog: undefined }
  const update = {
    list: { ...list, sockets: [listener, client] },
    changes: [
      { kind: "new" as const, socket: client, before: undefined },
      { kind: "gone" as const, socket: unix, before: undefined }
    ]
  }
  const screenOf = (first: SocketTable.Update) => Screen.game("sockets tcp", SocketFilter.compare, first)
  const { draw, initial: state, step } = screenOf(update)
  const textOf = (state: Screen.State, columns: number, rows: number) =>
    Table.toText(draw(state, columns, rows)).split("\n")
  const key = (character: string) => ({ _tag: "Character", character }) as const

  it("marks changes, keeps what is gone for one look, and shows notes and keys", () => {
    assert.deepStrictEqual(
      textOf(state, 70, 24).map((line) => line.slice(0, 40).trimEnd()),
      [
        "sockets tcp  2 sockets, 1 new, 1 gone",
        "   proto  state        local",
        "   tcp    listen       0.0.0.0:80",
        "+  tcp    established  127.0.0.1:40000",
        "-  u_str  listen       /run/user/1000/sy",
        "1 socket belongs to processes of other u",
        "q quits, c shows only changes"
      ].map((line) => line.trimEnd())
    )
    const [later] = step(state, { _tag: "Received", message: { ...update, changes: [] } })
    assert.strictEqual(textOf(later, 70, 24)[0], "sockets tcp  2 sockets")
  })

  it("shows only changes after c, and all after c again", () => {
    const [changes] = step(state, key("c"))
    assert.deepStrictEqual(
      textOf(changes, 70, 24).map((line) => line.slice(0, 30).trimEnd()),
      [
        "sockets tcp  2 sockets, 1 new,",
        "   proto  state        local",
        "+  tcp    established  127.0.0",
        "-  u_str  listen       /run/us",
        "1 socket belongs to processes",
        "q quits, c shows all"
      ]
    )
    const [none] = step(changes, { _tag: "Received", message: { ...update, changes: [] } })
    assert.include(textOf(none, 70, 24), "no socket has changed since the previous look")
    assert.deepStrictEqual(textOf(step(changes, key("c"))[0], 70, 24), textOf(state, 70, 24))
  })

  const connections = Array.from({ length: 1_000 }, (_, at) =>
    tcp({ stateCode: 1, localPort: 10_000 + at, inode: at + 1 })
  )
  const many = screenOf({ list: { ...list, sockets: connections, notes: [] }, changes: [] })
  const shownBy = (...keys: ReadonlyArray<Parameters<typeof many.step>[1]>) => {
    let state = many.initial
    for (const one of keys) {
      many.draw(state, 80, 23)
      state = many.step(state, one)[0]
    }
    const lines = Table.toText(many.draw(state, 80, 23)).split("\n")
    return [lines[0]!.replace(/.*; /, ""), lines[2]!.match(/:(1\d{4})/)?.[1], lines.length]
  }
  const [up, down] = [{ _tag: "Up" }, { _tag: "Down" }] as const
  it.each([
    ["at first", [], 1],
    ["after the down key", [down], 2],
    ["after down and up", [down, down, up], 2],
    ["not above the first row", [up, key("b")], 1],
    ["after Space", [key(" "), key(" ")], 41],
    ["after b", [key(" "), key(" "), key("b")], 21],
    ["after G, and not behind the last page", [key("G"), key(" "), down], 981],
    ["after G and up", [key("G"), down, down, up], 980],
    ["after g", [key("G"), key("g")], 1]
  ] as const)("shows a page of 20 rows of 1000, %s", (_, keys, first) => {
    assert.deepStrictEqual(shownBy(...keys), [`rows ${first}-${first + 19} of 1000`, `${9_999 + first}`, 23])
  })

  it("names the keys that scroll if there is something to scroll, in 80 columns", () => {
    assert.strictEqual(
      Table.toText(many.draw(many.initial, 80, 23))
        .split("\n")
        .at(-1),
      "q quits, c shows only changes, Space and b: pages, arrows: lines, g and G: ends"
    )
  })

  it("stays within the rows when they become fewer", () => {
    many.draw(many.initial, 80, 23)
    const [end] = many.step(many.initial, key("G"))
    const few = { list: { ...list, sockets: connections.slice(0, 30), notes: [] }, changes: [] }
    const [fewer] = many.step(end, { _tag: "Received", message: few })
    assert.strictEqual(fewer.top, 10)
  })

  it("ends with q, and fails with the reason", () => {
    assert.deepStrictEqual(step(state, key("q"))[1], { _tag: "Done" })
    assert.deepStrictEqual(step(state, { _tag: "Disconnected", reason: "why" })[1], { _tag: "Fail", message: "why" })
  })

  it.prop(
    "fits any terminal",
    [Arbitrary.array(anySocket, { maxLength: 30 }), between(20, 200), between(1, 40), Arbitrary.array(between(0, 7))],
    ([sockets, columns, rows, presses]) => {
      const any = screenOf({ list: { ...list, sockets }, changes: [] })
      let state = any.initial
      for (const press of presses) {
        any.draw(state, columns, rows)
        state = any.step(state, [up, down, ..." bgGcx".split("").map(key)][press]!)[0]
      }
      const lines = any.draw(state, columns, rows)
      assert.isAtMost(lines.length, rows)
      for (const line of lines)
        assert.isAtMost(
          line.reduce((sum, { text }) => sum + text.length, 0),
          columns
        )
    }
  )
})
