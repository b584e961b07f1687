import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as file from "../../../../src/cli/run/config/file.ts"
import * as sections from "../../../../src/cli/run/config/sections.ts"

const errorOf = (text: string) => {
  const parsed = file.parse("a.yaml", text)
  return Result.isFailure(parsed) ? parsed.failure : "no error"
}

describe("a configuration file", () => {
  const wrong: ReadonlyArray<readonly [text: string, error: string]> = [
    [
      "# ports\nrot13:\n  port: abc\n",
      'a.yaml:3:9: rot13.port: expected a port from 0 to 65535 (0: any free port) (got "abc")'
    ],
    ["rot13:\n  prot: 1\n", "a.yaml:2:3: rot13.prot: unknown option; effect-inet rot13 serve --help lists the options"],
    ["rot14: {}\n", "a.yaml:1:1: rot14: unknown option; see docs/guide/operations.md"],
    ["rot13: { port: }\n", 'a.yaml:1:16: rot13.port: expected a port from 0 to 65535 (0: any free port) (got "")'],
    ["rot13: { port: { a: 1 } }\n", "a.yaml:1:16: rot13.port: expected a value (got options)"],
    ["rot13: 5\n", 'a.yaml:1:8: rot13: expected options (got "5")'],
    ["rot13:\n  drain: 5\n", 'a.yaml:2:10: rot13.drain: expected a time such as 500ms, 5s, 1m or 2h (got "5")'],
    ["rot13: { case: upper }\n", 'a.yaml:1:16: rot13.case: expected "both" or "lower" (got "upper")'],
    ["rot13: { stdio: maybe }\n", 'a.yaml:1:17: rot13.stdio: expected true or false (got "maybe")'],
    [
      "tftp:\n  quota: 1kB\n",
      'a.yaml:2:10: tftp.quota: expected a number of bytes, such as 500000, 64K, 10M or 1G (got "1kB")'
    ],
    [
      "rot13: { allow: [10.0.0.0/8, 10.0.0.0/33] }\n",
      'a.yaml:1:17: rot13.allow: expected networks such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, separated by commas (got the list "10.0.0.0/8,10.0.0.0/33")'
    ],
    [
      "up:\n  services:\n    intern: { port: 1 }\n",
      'a.yaml:3:13: up.services.intern: expected the name of a service (rot13, hangman, guess, board, primes, tftp, status), or options with the key service (got "intern")'
    ],
    [
      "up: { services: { intern: { service: rot13, size: 3 } } }\n",
      "a.yaml:1:45: up.services.intern.size: unknown option; effect-inet rot13 serve --help lists the options"
    ],
    [
      "up: { services: { rot13: { admin: 127.0.0.1:1 } } }\n",
      "a.yaml:1:28: up.services.rot13.admin: unknown option; it is one of a process, not of an instance: set up.admin"
    ],
    [
      "up: { services: { rot13: { stdio: true } } }\n",
      "a.yaml:1:28: up.services.rot13.stdio: unknown option; it is one of a process, not of an instance: remove it"
    ],
    [
      "up: { services: rot13 }\n",
      'a.yaml:1:17: up.services: expected services by name, or a list of different names (got "rot13")'
    ],
    [
      "up: { services: [rot13, rot13] }\n",
      'a.yaml:1:17: up.services: expected services by name, or a list of different names (got the list "rot13,rot13")'
    ],
    [
      'up: { services: { "a\\e]0;t\\a": {} } }\n',
      'a.yaml:1:19: up.services: expected a name of at most 64 letters, digits, dots, hyphens and underscores that begins with a letter or digit (got "a\\u001b]0;t\\u0007")'
    ],
    [
      "up: { services: { __proto__: { service: rot13 } } }\n",
      'a.yaml:1:19: up.services: expected a name of at most 64 letters, digits, dots, hyphens and underscores that begins with a letter or digit (got "__proto__")'
    ],
    ["up: [rot13]\n", 'a.yaml:1:5: up: expected options (got the list "rot13")'],
    [
      "log-level: loud\n",
      'a.yaml:1:12: log-level: expected a level: all, trace, debug, info, warn, warning, error, fatal, none (got "loud")'
    ],
    [
      "rot13: { drain: 5 }\nguess: { port: x }\n",
      'a.yaml:1:17: rot13.drain: expected a time such as 500ms, 5s, 1m or 2h (got "5")'
    ]
  ]
  it.each(wrong)("with an error has one line: %j", (text, error) => {
    assert.strictEqual(errorOf(text), error)
  })

  it.effect("is the source of settings, with their places", () =>
    Effect.gen(function* () {
      const text = "rot13:\n  port: 2067\n  allow: [10.0.0.0/8, 192.0.2.1]\n"
      const find = file.source(Result.getOrThrow(file.parse("a.yaml", text)))
      assert.deepStrictEqual(yield* find("rot13", "port"), { text: "2067", origin: "a.yaml:2:9: rot13.port" })
      assert.strictEqual((yield* find("rot13", "allow"))?.text, "10.0.0.0/8,192.0.2.1")
      assert.isUndefined(yield* find("rot13", "host"))
      assert.isUndefined(yield* find("guess", "port"))
    })
  )

  it("has instances, whose service is the key or an option", () => {
    const text = "up:\n  services:\n    rot13:\n    intern: { service: rot13, port: 2067 }\n"
    const { instances } = Result.getOrThrow(file.parse("a.yaml", text))
    assert.deepStrictEqual(
      instances?.map(({ name, options, service }) => [name, service, [...options.keys()]]),
      [
        ["rot13", "rot13", []],
        ["intern", "rot13", ["port"]]
      ]
    )
  })

  it("has instances without options as a list of names", () => {
    const { instances } = Result.getOrThrow(file.parse("a.yaml", "up: { services: [rot13, guess] }\n"))
    assert.deepStrictEqual(
      instances?.map(({ name, service }) => [name, service]),
      [
        ["rot13", "rot13"],
        ["guess", "guess"]
      ]
    )
  })

  it("accepts each option of each section by the name of its flag", () => {
    const samples = ["1", "5s", "text", "true", "64K", "1-2", "10.0.0.0/8", "127.0.0.1:80", "660", "debug"]
    for (const [section, settings] of Object.entries(sections.all.options)) {
      for (const setting of settings) {
        const choices = setting.expected.split(/[", ]+/)
        const value = [...samples, ...choices].find((text) => setting.accepts(text))
        assert.isDefined(value, `${section}.${setting.name}`)
        const line = `${setting.name}: ${JSON.stringify(value)}`
        const text = section === "effect-inet" ? line : `${section}: { ${line} }`
        assert.strictEqual(errorOf(text), "no error", text)
      }
    }
  })
})
