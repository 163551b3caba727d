// Output for programs: protojson, with every field that has no absent state.
import { toJson, type DescMessage, type Message, type Registry } from '@bufbuild/protobuf';

/** The message on one line. */
export function jsonLine(type: DescMessage, message: Message, registry: Registry): string {
  return escapeJson(JSON.stringify(toJson(type, message, { registry, alwaysEmitImplicit: true })));
}

/** The message over several lines. */
export function jsonText(type: DescMessage, message: Message, registry: Registry): string {
  const json = toJson(type, message, { registry, alwaysEmitImplicit: true });
  return escapeJson(JSON.stringify(json, undefined, 2));
}

/**
 * JSON is for programs, but it is also read on terminals: what could act on one is written as an
 * escape, which means the same.
 */
function escapeJson(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
