/** Offences against the rules of the project, planted to see that each rule finds them. */

/** Offences against a rule, and texts that keep it. */
export interface Plant {
  readonly rule: string
  readonly path: string
  /** Each breaks the rule, on its last line. */
  readonly wrong: ReadonlyArray<string>
  readonly right: ReadonlyArray<string>
  /** The other files of the repository. */
  readonly beside?: Readonly<Record<string, string>>
}

const documented = "/** Counts. @category models @since 0.1.0 */\n"
const later = ["TO", "DO"].join("")
const home = ["", "home", "me", "notes"].join("/")

/** Planted offences against every rule. */
export const plants: ReadonlyArray<Plant> = [
  {
    rule: "arrows",
    path: "src/tftp/Packet.ts",
    wrong: [
      `import * as Game from "../hangman/Game.ts"`,
      `import type { Plan } from "../simulation/FaultPlan.ts"`,
      `import {\n  rotate\n} from "../rot13/Rot13.ts"`,
      `export * from "../rot13/Rot13.ts"`,
      `import "../cli/main.ts"`,
      `const load = () => import("../status/Relay.ts")`,
      `type Relay = import("../status/Relay.ts").Relay`,
      `import { assertNoLeaks } from "../../test/support/Handles.ts"`,
      `import * as Peer from "../../test/network/Peer.ts"`,
      `import * as Rules from "../../scripts/check/Rules.ts"`
    ],
    right: [
      `import * as Network from "../network/Network.ts"`,
      `import * as Farm from "../farm/Farm.ts"`,
      `import * as Options from "./Options.ts"`,
      `// import * as Game from "../hangman/Game.ts"`,
      `const text = 'import * as Game from "../hangman/Game.ts"'`
    ]
  },
  {
    rule: "arrows",
    path: "src/somewhere/New.ts",
    wrong: [`import * as Network from "../network/Network.ts"`],
    right: [`import * as Effect from "effect/Effect"`]
  },
  {
    rule: "platform",
    path: "src/rot13/Rot13Server.ts",
    wrong: [
      `import * as Net from "node:net"`,
      `import type * as Net from "node:net"`,
      `import * as NodeRuntime from "@effect/platform-node/NodeRuntime"`,
      `const net = await import("node:net")`,
      `const home = process.env.HOME`,
      `const bytes = Buffer.from(text)`
    ],
    right: [`import * as NetAddress from "effect/net/NetAddress"`, `this.process.Buffer`, `const process = 1`].slice(
      0,
      2
    )
  },
  {
    rule: "host layers",
    path: "src/rot13/Rot13Server.ts",
    wrong: [`import * as NodeNetwork from "../network/NodeNetwork.ts"`],
    right: [`import * as Network from "../network/Network.ts"`]
  },
  {
    rule: "host layers",
    path: "src/simulation/check/Checker.ts",
    wrong: [
      `import * as Files from "../explain/NodeFailureFiles.ts"`,
      `const load = () => import("../explain/NodeOther.ts")`
    ],
    right: [`const load = () => import("../explain/NodeFailureFiles.ts")`]
  },
  {
    rule: "arrows",
    path: "src/web/PageHub.ts",
    wrong: [`import * as Up from "../cli/Up.ts"`, `import * as Cluster from "../cluster/ClusterFarm.ts"`],
    right: [`import * as Tftp from "../tftp/TftpServer.ts"`, `import * as Packet from "../capture/Packet.ts"`]
  },
  {
    rule: "effect",
    path: "test/rot13/Rot13.test.ts",
    wrong: [
      `import { Effect } from "effect"`,
      `import * as Net from "effect/net"`,
      `import { sleep } from "effect/Effect"`,
      `import Effect from "effect/Effect"`,
      `import { NodeRuntime } from "@effect/platform-node"`
    ],
    right: [
      `import * as Effect from "effect/Effect"`,
      `import type * as Scope from "effect/Scope"`,
      `import { dual } from "effect/Function"`,
      `import { assert, it } from "@effect/vitest"`
    ]
  },
  {
    rule: "extensions",
    path: "scripts/bench/main.ts",
    wrong: [`import * as Table from "./Table"`, `export * from "./Table.js"`, `import { App } from "./App.jsx"`],
    right: [
      `import * as Table from "./Table.ts"`,
      `import { App } from "./App.tsx"`,
      `import words from "./words.json" with { type: "json" }`
    ]
  },
  {
    rule: "time",
    path: "src/network/Sweeper.ts",
    wrong: [
      "const now = Date.now()",
      "const now = Date.now",
      "const now = new Date()",
      "const key = Math.random()",
      "setTimeout(look, 10)",
      "globalThis.setInterval(look, 10)",
      "const turn = new Promise(setImmediate)",
      "const now = performance.now()",
      "const now = process.hrtime.bigint()",
      `const text = \`at \${Date.now()}\``
    ],
    right: [
      "// Date.now() is the platform's",
      `const text = "Math.random"`,
      "socket.setTimeout(10)",
      "const then = new Date(millis)",
      "const resetTimeout = 1"
    ]
  },
  {
    rule: "time",
    path: "src/web/client/Store.ts",
    wrong: ["const now = Date.now()"],
    right: ["const now = 1"]
  },
  { rule: "time", path: "src/web/client/App.tsx", wrong: [], right: ["const now = Date.now()"] },
  {
    rule: "browser",
    path: "src/web/client/views/Overview.tsx",
    wrong: [
      `import * as Effect from "effect/Effect"`,
      `import * as Server from "../../NodePageServer.ts"`,
      `import type * as Server from "../../NodePageServer.ts"`
    ],
    right: [
      `import type * as Effect from "effect/Effect"`,
      `import type * as PageState from "../../PageState.ts"`,
      `import { useState } from "preact/hooks"`
    ]
  },
  {
    rule: "browser",
    path: "src/web/client/PageClient.ts",
    wrong: [`import * as Server from "../NodePageServer.ts"`],
    right: [`import * as Effect from "effect/Effect"`]
  },
  {
    rule: "markup",
    path: "src/web/client/App.tsx",
    wrong: [
      "const view = <p dangerouslySetInnerHTML={{ __html: name }} />",
      "element.innerHTML = name",
      "const run = new Function(name)",
      "const view = <iframe srcDoc={name} />"
    ],
    right: ["const view = <p>innerHTML of {name}, it's eval</p>", "// innerHTML", "const evaluated = 1"]
  },
  {
    rule: "docstrings",
    path: "src/rot13/Rot13.ts",
    beside: { "src/rot13/index.ts": `export * as Rot13 from "./Rot13.ts"` },
    wrong: [
      "export const a = 1",
      "export abstract class A {}",
      "/** Counts. @since 0.1.0 */\nexport const a = 1",
      "/** Counts. @category models */\nexport interface A {}",
      `${documented}const a = 1\nexport class A {}`,
      `${documented}export const a = 1\nexport type A = 1`,
      "const a = 1\nexport { a }"
    ],
    right: [
      `${documented}export const a = 1`,
      `${documented}export abstract class A {}`,
      "const a = 1",
      `"export const a"`
    ]
  },
  {
    rule: "index files",
    path: "src/rot13/index.ts",
    wrong: [
      `export { rotate } from "./Rot13.ts"`,
      `export * as Cipher from "./Rot13.ts"`,
      `export * from "./Rot13.ts"`
    ],
    right: [`export * as Rot13 from "./Rot13.ts"`, "/** The cipher. */"]
  },
  {
    rule: "index files",
    path: "src/index.ts",
    wrong: [
      `export * as Rot13 from "./rot13/Rot13.ts"`,
      `export * as cipher from "./rot13/index.ts"`,
      `export * from "./rot13/index.ts"`
    ],
    right: [`export * as rot13 from "./rot13/index.ts"`]
  },
  {
    rule: "length",
    path: "src/rot13/Rot13.ts",
    wrong: [`${"\n".repeat(400)}const a = 1`],
    right: [`${"\n".repeat(399)}a`]
  },
  {
    rule: "functions",
    path: "src/rot13/A.ts",
    wrong: [
      `const a = () => {\n${"f()\n".repeat(79)}}`,
      `function a(): { b: number } {\n${"f()\n".repeat(79)}}`,
      `class A {\n  a(b: () => void) {\n${"f()\n".repeat(79)}}}`,
      `const a = () =>\n  g(\n${"f(),\n".repeat(78)})`
    ],
    right: [
      `const a = () => {\n${"f()\n".repeat(78)}}`,
      `const a = {\n${"b: () => 1,\n".repeat(100)}}`,
      `if (a) {\n${"f()\n".repeat(100)}}`,
      `type A = () => {\n${"readonly a: number\n".repeat(100)}}`
    ]
  },
  {
    rule: "folders",
    path: "src/rot13/A.ts",
    beside: Object.fromEntries(Array.from({ length: 19 }, (_, at) => [`src/rot13/B${at}.ts`, ""])),
    wrong: [],
    right: ["const a = 1"]
  },
  {
    rule: "folders",
    path: "src/rot13/A.ts",
    beside: Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`src/rot13/B${at}.ts`, ""])),
    wrong: ["const a = 1"],
    right: []
  },
  {
    rule: "cycles",
    path: "src/rot13/A.ts",
    beside: {
      "src/rot13/B.ts": `import type { C } from "./C.ts"`,
      "src/rot13/C.ts": `import type { A } from "./A.ts"`,
      "src/rot13/D.ts": `import * as B from "./B.ts"`
    },
    wrong: [
      `import * as A from "./A.ts"`,
      `import * as B from "./B.ts"`,
      `import type { C } from "./C.ts"`,
      `export * from "./D.ts"`,
      `const load = () => import("./B.ts")`
    ],
    right: [`import * as E from "./E.ts"`, `import * as Effect from "effect/Effect"`]
  },
  { rule: "file names", path: "src/tftp/transfer/Sending.ts", wrong: ["const a = 1"], right: [] },
  { rule: "file names", path: "src/status/NodeEar.ts", wrong: ["const a = 1"], right: [] },
  { rule: "file names", path: "src/farm/PacketSizing.ts", wrong: [], right: ["const a = 1"] },
  {
    rule: "units",
    path: "src/rot13/Rot13.ts",
    wrong: [
      "const patience = 1_000",
      "export const most = 256 * 1_024",
      "const few: number = -2.5",
      "const room = 1n << 64n"
    ],
    right: [
      "const patienceMillis = 1_000",
      "const maxAliases = 8",
      "const bytes = 2 ** 20",
      "const AF_INET6 = 10",
      `const interval = "2 seconds"`,
      "  const most = 4",
      "const sum = one + 1"
    ]
  },
  {
    rule: "first words",
    path: "test/a.test.ts",
    wrong: [
      "/** What a server sends. */",
      "/** Whether the peer lives. */",
      "/** So many bytes. */",
      "/** One who knows a key. */",
      `/** ${"A ".repeat(25)}word. */`,
      `/** ${"a ".repeat(25)}word @since 0.1.0 */`
    ],
    right: [
      "/** The reply of a server. What follows may be longer. */",
      "/** Sends a datagram. */",
      "/** Whatever is sent. */",
      `/** ${"A ".repeat(24)}word. ${"And ".repeat(30)} */`,
      "/* What a comment says. */",
      `const text = "/** What */"`
    ]
  },
  {
    rule: "idioms",
    path: "test/a.test.ts",
    wrong: [
      "// waits so many seconds",
      "/** Waits for so long. */",
      "// it is no packet",
      "// the peer is told",
      "// the how many-th packet",
      "// whoever sends it",
      "// what becomes of a packet",
      `it("drops what is no packet", test)`,
      "const text = `gives it to somebody`"
    ],
    right: [
      "// so many that none is left",
      "// as long as it is no longer open",
      "// the caller told the server",
      "const isNo = whoever.told",
      "/** Sends it. */"
    ]
  },
  {
    rule: "idioms",
    path: "docs/guide.md",
    wrong: ["It is told so.", "so much of it", "Whoever asks"],
    right: ["`is told`", "It is no longer open."]
  },
  {
    rule: "width",
    path: "test/a.test.ts",
    wrong: [`// ${"x".repeat(118)}`],
    right: [`// ${"x".repeat(117)}`, `const a = "${"x".repeat(120)}"`]
  },
  { rule: "assertions", path: "test/a.test.ts", wrong: ["expect(1)"], right: ["assert.isTrue(true)", "// expect(1)"] },
  { rule: "finished", path: "docs/guide.md", wrong: [`${later}: finish`], right: ["nothing to do"] },
  {
    rule: "self-contained",
    path: ".ci/run",
    wrong: [`cat ${home}`, `cat ${["..", "shared", "a"].join("/")}`, `as ${["issue", "7"].join(" ")} says`],
    right: ["cat /etc/services", "this issues a warning"]
  },
  {
    rule: "pointers",
    path: "docs/guide.md",
    beside: { "README.md": "effect-inet", "src/rot13/Rot13.ts": "" },
    wrong: [
      "see [this](nothing.md)",
      "see `src/rot13/Rot14.ts`",
      "see [this](../docs/none/)",
      "see [this](https://github.com/effect-inet/effect-inet/blob/main/test/none.test.ts)"
    ],
    right: [
      "see [this](../README.md#run)",
      "see [this](https://github.com/effect-inet/effect-inet/blob/main/src/rot13/Rot13.ts)",
      "see [that](https://example.com)",
      "`src/rot13/Rot13.ts`",
      "[src](../src/rot13)"
    ]
  }
]
