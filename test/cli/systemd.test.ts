/** The units of docs/deploy under a systemd of their own. */
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inject } from "vitest"
import * as Systemd from "./Systemd.ts"

const units = Path.resolve(import.meta.dirname, "../../docs/deploy")

/** Installs the command and its files where the units expect them. */
const setUp = () => `
mkdir -p opt/effect-inet/package etc/effect-inet srv/tftp
touch opt/effect-inet/node
mount --bind '${process.execPath}' opt/effect-inet/node
mount --bind '${Path.resolve(Path.dirname(inject("command")), "../..")}' opt/effect-inet/package
printf '#!/bin/sh\\nexec /opt/effect-inet/node /opt/effect-inet/package/dist/cli/bin.js "$@"\\n' > usr/local/bin/effect-inet
chmod 755 usr/local/bin/effect-inet
cp '${units}/services.yaml' etc/effect-inet/
echo hello > srv/tftp/motd
`

describe("the units of docs/deploy", () => {
  it.live.skipIf(!Systemd.isAvailable)(
    "start by a client of their socket, report that they are ready, reload, and stop (skipped without root or systemd)",
    () =>
      Effect.gen(function* () {
        const { run } = yield* Systemd.start(units, setUp())
        const show = (unit: string, property: string) => run(`systemctl show --value -p ${property} ${unit}`)

        assert.strictEqual(yield* run("systemctl start effect-inet-rot13.socket effect-inet-tftp.socket"), "")
        assert.strictEqual(yield* show("effect-inet-rot13", "ActiveState"), "inactive")
        assert.strictEqual(yield* run("effect-inet rot13 send ::1 1067 Hello"), "Uryyb")
        assert.strictEqual(yield* run("effect-inet rcat 127.0.0.1 motd"), "hello")
        assert.strictEqual(yield* show("effect-inet-rot13", "StatusText"), "rot13 ready on [::]:1067")
        assert.strictEqual(yield* show("effect-inet-tftp", "StatusText"), "tftp ready on [::]:69")
        assert.strictEqual(yield* run("systemctl reload effect-inet-tftp"), "")
        assert.strictEqual(yield* run("effect-inet rcat 127.0.0.1 motd"), "hello")
        const pair = "effect-inet-rot13 effect-inet-tftp"
        assert.strictEqual(yield* run(`systemctl stop ${pair.replaceAll(/(\S+)/g, "$1.socket $1.service")}`), "")
        assert.strictEqual(yield* show("effect-inet-rot13", "Result"), "success")
        assert.strictEqual(yield* show("effect-inet-tftp", "Result"), "success")

        assert.strictEqual(yield* run("systemctl start effect-inet"), "")
        assert.match(yield* show("effect-inet", "StatusText"), /^rot13 ready on \[::\]:1067, intern ready on /)
        assert.strictEqual(
          yield* run("sed -i 's/max-per-peer: 64/max-per-peer: 63/' /etc/effect-inet/services.yaml"),
          ""
        )
        assert.strictEqual(yield* run("systemctl reload effect-inet"), "")
        assert.strictEqual(yield* run("effect-inet rot13 send 127.0.0.1 1067 Hello"), "Uryyb")
        assert.strictEqual(yield* run("systemctl stop effect-inet"), "")
        assert.strictEqual(yield* show("effect-inet", "Result"), "success")
        // Told to end while it starts: no failure.
        yield* run("systemctl start --no-block effect-inet; systemctl stop effect-inet")
        assert.strictEqual(yield* show("effect-inet", "Result"), "success")
      }).pipe(Effect.scoped)
  )
})
