/** The check of a configuration file against the settings of all commands. Pure. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as operationsFlags from "../../common/operationsFlags.ts"
import type { Configuration, Options, Place } from "../../common/settings/ConfigFile.ts"
import { globalSection, type Setting } from "../../common/settings/settings.ts"
import type { Document, DocumentError, Node } from "./document.ts"

/** Settings of a configuration file. */
export interface Sections {
  /** Settings by section. The section of `up` has instances, too: its key `services`. */
  readonly options: Readonly<Record<string, ReadonlyArray<Setting>>>
  /** Settings of the services that an instance can have, by service. */
  readonly services: Readonly<Record<string, ReadonlyArray<Setting>>>
}

/** The key of an instance that names its service. */
const serviceKey = "service"

/** The key of the instances, in the section of `up`. */
const instancesKey = "services"

const option = (setting: Setting) =>
  Schema.optionalKey(
    Schema.String.check(Schema.makeFilter((text: string) => setting.accepts(text), { expected: setting.expected }))
  )

const optionsOf = (settings: ReadonlyArray<Setting>) =>
  Object.fromEntries(settings.map((setting) => [setting.name, option(setting)]))

/** Returns the options of a service that are not those of a process. */
const instanceSettings = (settings: ReadonlyArray<Setting>) =>
  settings.filter(({ name }) => !operationsFlags.names.has(name))

const knownServices = ({ services }: Sections) =>
  `the name of a service (${Object.keys(services).join(", ")}), or options with the key ${serviceKey}`

/** Names of instances: they are keys of other programs, such as labels of metrics. */
const instanceName = /^[A-Za-z0-9][\w.-]{0,63}$/

/** Returns the schema of a document. It depends on the document, since an instance has the options of its service. */
const schemaOf = (sections: Sections, instances: ReadonlyArray<readonly [name: string, service: string]>) => {
  const services = Object.keys(sections.services)
  const known = knownServices(sections)
  const instanceOf = (service: string) =>
    services.includes(service)
      ? Schema.Struct({
          [serviceKey]: Schema.optionalKey(Schema.Literals(services)),
          ...optionsOf(instanceSettings(sections.services[service]!))
        })
      : Schema.Unknown.check(Schema.makeFilter(() => false, { expected: known }))
  const isMap = Schema.makeFilter((value: unknown) => typeof value === "object" && !Array.isArray(value), {
    expected: "services by name, or a list of different names"
  })
  const instancesSchema = Schema.Struct(
    Object.fromEntries(instances.map(([name, service]) => [name, Schema.optionalKey(instanceOf(service))]))
  ).check(isMap)
  const { [globalSection]: global = [], ...named } = sections.options
  const document = Schema.Struct({
    ...optionsOf(global),
    ...Object.fromEntries(
      Object.entries(named).map(([name, settings]) => [
        name,
        Schema.optionalKey(
          Schema.Struct({
            ...optionsOf(settings),
            ...(name === "up" ? { [instancesKey]: Schema.optionalKey(instancesSchema) } : {})
          })
        )
      ])
    )
  })
  // Its type is as deep as the table is wide, and of no use: the texts are read by their own parsers.
  return document as unknown as Schema.Decoder<unknown>
}

const entriesOf = (node: Node | undefined) => (node?._tag === "Map" ? node.entries : [])

const find = (node: Node | undefined, key: string) => entriesOf(node).find((entry) => entry.key === key)

/** Depth of the maps that may be empty: a section, `services` and an instance. */
const mayBeEmpty = (path: ReadonlyArray<string>, { options }: Sections) =>
  (path.length === 1 && Object.hasOwn(options, path[0]!) && path[0] !== globalSection) ||
  (path[0] === "up" && path[1] === instancesKey && path.length <= 3)

/** Converts a node to the value for the schema. A list of texts is one text, as on the command line. */
const plain = (node: Node, path: ReadonlyArray<string>, sections: Sections): unknown => {
  if (node._tag === "Map") {
    return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value, [...path, key], sections)]))
  }
  if (node._tag === "Text") return node.text === "" && mayBeEmpty(path, sections) ? {} : node.text
  const isOption = !mayBeEmpty(path, sections)
  return isOption && node.items.every((item) => item._tag === "Text")
    ? node.items.map((item) => (item as { readonly text: string }).text).join(",")
    : node.items.map((item) => plain(item, path, sections))
}

/** Returns the value at a path, and the place of its key. */
const locate = (document: Document, path: ReadonlyArray<string>) => {
  let value: Node = document
  let keyPlace: Place = document.place
  for (const key of path) {
    const entry = find(value, key)
    if (entry === undefined) break
    value = entry.value
    keyPlace = entry.place
  }
  return { value, keyPlace }
}

const noSections: Sections = { options: {}, services: {} }

const shown: Readonly<Record<Node["_tag"], (node: Node) => string>> = {
  Text: (node) => JSON.stringify(plain(node, [], noSections)),
  List: (node) => `the list ${JSON.stringify(plain(node, [], noSections))}`,
  Map: () => "options"
}

const describe = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    switch (issue._tag) {
      case "UnexpectedKey":
        return "unknown option"
      case "InvalidType":
        return `expected ${issue.ast._tag === "String" ? "a value" : "options"}`
      default:
        return SchemaIssue.defaultLeafHook(issue)
    }
  },
  checkHook: ({ filter }) => `expected ${String(filter.annotations?.expected)}`
})

/** Returns what to do with an unknown option: the place that lists those of its section, or the one that has it. */
const helpFor = (path: ReadonlyArray<string>, instances: ReadonlyMap<string, string>, sections: Sections) => {
  const { options, services } = sections
  const [section, , , name] = path
  if (section === "up" && path[1] === instancesKey && name !== undefined && operationsFlags.names.has(name)) {
    const ofUp = options.up?.some((setting) => setting.name === name) === true
    return `it is one of a process, not of an instance: ${ofUp ? `set up.${name}` : "remove it"}`
  }
  const command = section === "up" && path[1] === instancesKey ? instances.get(path[2] ?? "") : section
  if (path.length === 1) return "see docs/guide/operations.md"
  const isGroup = command !== undefined && command !== "status" && Object.hasOwn(services, command)
  return `effect-inet ${command}${isGroup ? " serve" : ""} --help lists the options`
}

const optionsFrom = (node: Node | undefined): Options =>
  new Map(
    entriesOf(node).flatMap(({ key, value }) => {
      if (value._tag === "Map") return []
      const text = value._tag === "Text" ? value.text : String(plain(value, [], noSections))
      return [[key, { text, place: value.place }] as const]
    })
  )

/** Replaces a list of services by instances without options: `[rot13, guess]`. */
const withInstances = (document: Document): Document => {
  const replace = (node: Node, key: string, change: (value: Node) => Node): Node =>
    node._tag === "Map"
      ? {
          ...node,
          entries: node.entries.map((entry) => (entry.key === key ? { ...entry, value: change(entry.value) } : entry))
        }
      : node
  const toInstances = (node: Node): Node => {
    if (node._tag !== "List") return node
    const entries = node.items.flatMap((item) =>
      item._tag === "Text"
        ? [{ key: item.text, place: item.place, value: { _tag: "Map", place: item.place, entries: [] } as const }]
        : []
    )
    const names = new Set(entries.map(({ key }) => key))
    return names.size === node.items.length ? { _tag: "Map", place: node.place, entries } : node
  }
  return replace(document, "up", (up) => replace(up, instancesKey, toInstances)) as Document
}

/** Checks a document. Fails with its first error. */
export const check = (written: Document, sections: Sections): Result.Result<Configuration, DocumentError> => {
  const document = withInstances(written)
  const up = find(document, "up")?.value
  const listed = find(up, instancesKey)
  const instances = entriesOf(listed?.value).map(({ key, place, value }) => {
    const service = find(value, serviceKey)?.value
    return { name: key, service: service?._tag === "Text" ? service.text : key, place, value }
  })
  const misnamed = instances.find(({ name }) => !instanceName.test(name))
  if (misnamed !== undefined) {
    const expected = "at most 64 letters, digits, dots, hyphens and underscores that begins with a letter or digit"
    return Result.fail({
      place: misnamed.place,
      message: `up.services: expected a name of ${expected} (got ${JSON.stringify(misnamed.name)})`
    })
  }
  const schema = schemaOf(
    sections,
    instances.map(({ name, service }) => [name, service])
  )
  const decoded = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })(
    plain(document, [], sections)
  )
  if (Result.isFailure(decoded)) {
    const services = new Map(instances.map(({ name, service }) => [name, service]))
    const known = knownServices(sections)
    const errors = describe(decoded.failure.issue).issues.map(({ message, path = [] }) => {
      const keys = path.map((key) => String(typeof key === "object" ? key.key : key))
      const isUnknown = message === "unknown option"
      const { keyPlace, value } = locate(document, keys)
      const unknownService = message === `expected ${known}` ? services.get(keys[2] ?? "") : undefined
      const got = unknownService === undefined ? shown[value._tag](value) : JSON.stringify(unknownService)
      const detail = isUnknown ? `; ${helpFor(keys, services, sections)}` : ` (got ${got})`
      return { place: isUnknown ? keyPlace : value.place, message: `${keys.join(".")}: ${message}${detail}` }
    })
    return Result.fail(
      errors.reduce((first, error) =>
        error.place.line < first.place.line ||
        (error.place.line === first.place.line && error.place.column < first.place.column)
          ? error
          : first
      )
    )
  }
  const { [globalSection]: global = [] } = sections.options
  const top = optionsFrom(document)
  return Result.succeed({
    sections: new Map([
      [globalSection, new Map([...top].filter(([name]) => global.some((setting) => setting.name === name)))],
      ...entriesOf(document).flatMap(({ key, value }) =>
        Object.hasOwn(sections.options, key) ? [[key, optionsFrom(value)] as const] : []
      )
    ]),
    instances:
      listed === undefined
        ? undefined
        : instances.map(({ name, place, service, value }) => ({
            ...{ name, service, place },
            options: new Map([...optionsFrom(value)].filter(([key]) => key !== serviceKey))
          }))
  })
}
