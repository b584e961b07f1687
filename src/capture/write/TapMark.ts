/** Marks of captures by a tap, whose acknowledgements are not those of the wire. */
import { type Interface, LINKTYPE_RAW } from "../Pcapng.ts"

/** Name of the program in the section of a file. */
export const application = "effect-inet"

/** Description of an interface whose packets are those of a tap. Programs that merge files keep it. */
export const description = "effect-inet tap"

/** Returns whether the packets of an interface are those of a tap, in the section of a program. */
export const isOn = (section: string | undefined, { description: text, linkType }: Interface): boolean =>
  linkType === LINKTYPE_RAW && (text === description || (text === undefined && section === application))
