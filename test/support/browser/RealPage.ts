/** A page that `effect-inet up` serves with real services, in the process of the test. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Cli from "../Cli.ts"

/** A running `up` with its page. */
export interface RealPage {
  /** The link that it prints, with the token of `--control`. */
  readonly link: string
  /** Address without a slash at its end. */
  readonly url: string
  readonly port: number
  /** Waits for a service, and returns its port. */
  readonly portOf: (service: string) => Promise<number>
  readonly close: () => Promise<void>
}

interface State {
  readonly port: number
  readonly link?: string
}

/** Starts `up` with services, each as a line of the configuration file. */
export const serve = async (
  services: Readonly<Record<string, string>>,
  options: { readonly port?: number; readonly hasControl?: boolean } = {}
): Promise<RealPage> => {
  const { hasControl = true, port = 0 } = options
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-page-"))
  const config = Path.join(folder, "up.yaml")
  const lines = Object.entries(services).map(([name, settings]) => `    ${name}: { ${settings} }\n`)
  Fs.writeFileSync(config, `up:\n  services:\n${lines.join("")}`)
  const scope = Scope.makeUnsafe()
  const control = hasControl ? ["--control"] : []
  const up = await Effect.runPromise(
    Cli.startInProcess(["up", "--json", "--config", config, "--page", `127.0.0.1:${port}`, ...control]).pipe(
      Scope.provide(scope)
    )
  )
  const waitFor = async (service: string) => {
    const ready = new RegExp(`^\\{"service":"${service}","state":"ready".*\\}$`, "m")
    const [line] = await Effect.runPromise(up.waitForOutput("stdout", ready))
    return JSON.parse(line) as State
  }
  const page = await waitFor("page")
  // A visit does not wait for the bundling of sources that have changed.
  await fetch(`http://127.0.0.1:${page.port}/`)
  return {
    link: page.link!,
    url: `http://127.0.0.1:${page.port}`,
    port: page.port,
    portOf: async (service) => (await waitFor(service)).port,
    close: async () => {
      await Effect.runPromise(up.shutdown)
      await Effect.runPromise(Scope.close(scope, Exit.void))
      Fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}
