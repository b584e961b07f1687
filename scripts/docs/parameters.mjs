/** Plugin of typedoc: a parameter that is destructured is named after its type, such as `range` for `Range`. */
import { Converter, ReflectionKind } from "typedoc"

const nameOf = (type) => {
  const name = type?.type === "reference" && !["Pick", "Omit", "Partial"].includes(type.name) ? type.name : "options"
  return name.charAt(0).toLowerCase() + name.slice(1)
}

export const load = (application) => {
  application.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
      if (/^__(?:namedParameters|\d+)$/.test(parameter.name)) parameter.name = nameOf(parameter.type)
    }
  })
}
