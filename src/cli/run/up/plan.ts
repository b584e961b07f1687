/** The instances that `up` runs, with the options of each: from flags, the environment and the configuration file. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as Path from "effect/Path"
import { UsageError } from "../../common/CliErrors.ts"
import type { Endpoint } from "../../common/flags.ts"
import * as operationsFlags from "../../common/operationsFlags.ts"
import * as pageFlags from "../../common/pageFlags.ts"
import type { Input } from "../../common/settings/CommandInput.ts"
import type { Options } from "../../common/settings/ConfigFile.ts"
import * as settings from "../../common/settings/settings.ts"
import { sharedFlags } from "../../common/upFlags.ts"
import type { Values } from "../common/knownServices.ts"
import * as file from "../config/file.ts"
import * as bindings from "./bindings.ts"
import { services } from "./services.ts"

/** An instance of a service. */
export interface PlannedInstance {
  readonly name: string
  readonly service: string
  readonly values: Values
  /** The values that come from the environment or the file. */
  readonly found: settings.Found
}

const sharedSettings = sharedFlags("up")
const sharedNames = new Set(settings.settingsOf(sharedSettings).map(({ name }) => name))

/** The instances without a configuration file, or with one that lists none: each service once. */
const defaultInstances = ({ values }: Input) =>
  Object.keys(services)
    .filter((name) => name !== "status" || values.statusPort !== 0)
    .map((name) => ({ name, service: name, options: undefined as Options | undefined }))

/** Returns the sources of the options of an instance. The first one wins. */
const sourceOf = (input: Input, name: string, service: string, options: Options | undefined): settings.Source => {
  const own =
    input.file === undefined ? () => undefined : file.sourceOf(input.file.path, `up.services.${name}.`, options)
  const { tftpRoot } = input.values
  const { defaults } = services[service]!
  return settings.firstOf(
    (_, option) => Effect.succeed(own(option)),
    (_, option) =>
      Effect.succeed(
        service === "tftp" && option === "root" && typeof tftpRoot === "string"
          ? { text: tftpRoot, origin: "--tftp-root" }
          : undefined
      ),
    (section, option) => (operationsFlags.names.has(option) ? Effect.undefined : input.sources(section, option)),
    (_, option) => (sharedNames.has(option) ? input.sources("up", option) : Effect.undefined),
    (_, option) => {
      const text = defaults[option]
      return Effect.succeed(text === undefined ? undefined : { text, origin: `default of ${option}`, isDefault: true })
    }
  )
}

/** Options on the command line of `up`, which win over all others. */
const fromCommandLine = ({ values }: Input, name: string, flags: settings.Table): Values => {
  const shared = Object.keys(sharedSettings).filter((key) => key in flags && values[key] !== undefined)
  const port = values[`${name}Port`]
  return {
    ...Object.fromEntries(shared.map((key) => [key, values[key]])),
    ...(port === undefined ? {} : { port })
  }
}

/** Returns the sockets that an instance binds. */
const bindingsOf = ({ service, values }: PlannedInstance): ReadonlyArray<bindings.Binding> => {
  const { host, port, unix } = values
  if (unix !== undefined) return [{ _tag: "Path", path: String(unix) }]
  const known = services[service]!
  return (
    known.bindings?.(values) ?? [
      { _tag: "Port", protocol: known.protocol, host: String(host), port: Number(port), isShared: false }
    ]
  )
}

const bindingOf = (owner: string, address: Endpoint): bindings.OwnedBinding => ({
  owner,
  binding: { _tag: "Port", protocol: "tcp", isShared: false, ...address }
})

/** Returns the sockets of the admin server and of the page. */
const ownBindings = ({ admin, page = pageFlags.defaultAddress }: Values): ReadonlyArray<bindings.OwnedBinding> => [
  ...(admin === undefined ? [] : [bindingOf("the admin server", admin as Endpoint)]),
  ...(page === "off" ? [] : [bindingOf("the page", page as Endpoint)])
]

/** Fails if two servers need the same port or path: only one of them could start. */
const checkBindings = Effect.fnUntraced(function* ({ values }: Input, instances: ReadonlyArray<PlannedInstance>) {
  const { resolve } = yield* Path.Path
  const owned = instances.flatMap((instance) =>
    bindingsOf(instance).map((binding) => ({
      owner: instance.name,
      binding: binding._tag === "Path" ? { ...binding, path: resolve(binding.path) } : binding
    }))
  )
  const conflict = bindings.findConflict([...ownBindings(values), ...owned])
  if (conflict !== undefined) return yield* new UsageError({ message: `up: ${conflict}` })
})

/** Fails if `--user` would not change the user of all processes: children that have started keep that of the start. */
const checkUser = Effect.fnUntraced(function* ({ values }: Input, instances: ReadonlyArray<PlannedInstance>) {
  const forking = instances.find((instance) => instance.values.model === "processes")
  if (values.user === undefined || forking === undefined) return
  const fix = "choose another model, or start up as that user: systemd can bind the ports"
  return yield* new UsageError({
    message: `up: --user does not hold for the child processes of ${forking.name} (model processes); ${fix}`
  })
})

/** Returns the instances. Fails with one line for the user. */
export const make = Effect.fnUntraced(function* (input: Input) {
  const listed = input.file?.instances ?? defaultInstances(input)
  const instances = yield* Effect.forEach(listed, ({ name, options, service }) => {
    const { derive, flags } = services[service]!
    return Effect.map(settings.read(flags, sourceOf(input, name, service, options)), (read): PlannedInstance => {
      const given = fromCommandLine(input, name, flags)
      const replaced = new Set(Object.keys(given).map((key) => settings.nameOf(flags, key)))
      const values: Values = { ...read.values, ...given }
      return {
        name,
        service,
        values: { ...values, ...derive?.(values, new Set(options?.keys())) },
        found: new Map([...read.found].filter(([option]) => !replaced.has(option)))
      }
    })
  }).pipe(Effect.mapError(({ message }) => new UsageError({ message })))
  if (instances.length === 0) return yield* new UsageError({ message: "up: no service to run; add one to up.services" })
  yield* checkBindings(input, instances)
  yield* checkUser(input, instances)
  return instances
})

const formatValue = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(formatValue).join(",")
    : Duration.isDuration(value)
      ? Duration.format(value)
      : IpNetwork.isIpNetwork(value)
        ? IpNetwork.format(value)
        : String(value)

/** Names of options whose values are not printed. */
const secrets: ReadonlySet<string> = new Set(["key"])

/** Formats an address: `127.0.0.1:8066`, `[::1]:8066`. */
export const formatAddress = ({ host, port }: Endpoint): string => `${host.includes(":") ? `[${host}]` : host}:${port}`

/** Returns the address that an instance binds, the first of several: host and port, or the path of a unix socket. */
export const addressOf = (instance: PlannedInstance): string => {
  const binding = bindingsOf(instance)[0]!
  return binding._tag === "Path" ? binding.path : formatAddress(binding)
}

/** Returns the options of an instance by name, as texts: those that are set or have a default that is known here. */
export const optionsOf = ({ service, values }: PlannedInstance): Readonly<Record<string, string>> => {
  const { flags } = services[service]!
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => {
      const name = settings.nameOf(flags, key)
      if (value === undefined || value === false || flags[key] === undefined || operationsFlags.names.has(name))
        return []
      if (values.unix !== undefined && (name === "host" || name === "port")) return []
      return [
        [name, secrets.has(name) ? "(hidden)" : name === "unix-mode" ? Number(value).toString(8) : formatValue(value)]
      ]
    })
  )
}
