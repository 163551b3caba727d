// The schema as server reflection looks at it: files by name, by the symbols they declare, and by the extensions in them.
import {
  toBinary,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

export interface SchemaIndex {
  /** Each of these answers with encoded FileDescriptorProtos: the file itself, then all it depends on; undefined if unknown. */
  fileByName(name: string): Uint8Array[] | undefined;
  fileBySymbol(symbol: string): Uint8Array[] | undefined;
  fileByExtension(extendee: string, number: number): Uint8Array[] | undefined;
  /** Undefined when there is no message of this name. */
  extensionNumbers(extendee: string): number[] | undefined;
}

/** Indexes the files of these services, and all they depend on. */
export function indexSchema(
  services: readonly DescService[],
  more: readonly DescFile[],
): SchemaIndex {
  const files = withDependencies([...services.map(({ file }) => file), ...more]);
  const byName = new Map(files.map((file) => [file.proto.name, file]));
  const bySymbol = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  for (const file of files) {
    for (const symbol of symbolsOf(file)) bySymbol.set(symbol, file);
    for (const extension of extensionsOf(file)) {
      const { typeName } = extension.extendee;
      const numbers = extensions.get(typeName) ?? new Map<number, DescFile>();
      extensions.set(typeName, numbers.set(extension.number, file));
    }
  }
  const encode = (file: DescFile | undefined) =>
    file && withDependencies([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return {
    fileByName: (name) => encode(byName.get(name)),
    fileBySymbol: (symbol) => encode(bySymbol.get(symbol.replace(/^\./, ''))),
    fileByExtension: (extendee, number) => encode(extensions.get(extendee)?.get(number)),
    extensionNumbers: (extendee) =>
      bySymbol.has(extendee) ? [...(extensions.get(extendee)?.keys() ?? [])] : undefined,
  };
}

/** The files and all they depend on, each once, a file before its dependencies. */
function withDependencies(files: readonly DescFile[]): DescFile[] {
  const seen = new Set<string>();
  const ordered: DescFile[] = [];
  const visit = (file: DescFile): void => {
    if (seen.has(file.proto.name)) return;
    seen.add(file.proto.name);
    for (const dependency of file.dependencies) visit(dependency);
    ordered.push(file);
  };
  for (const file of files) visit(file);
  return ordered.reverse();
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const type of nestedTypes(file)) {
    yield type.typeName;
    switch (type.kind) {
      case 'message':
        yield* memberSymbols(type);
        break;
      case 'enum': {
        // The values of an enum are siblings of it, not members.
        const scope = type.typeName.slice(0, type.typeName.lastIndexOf('.') + 1);
        for (const value of type.values) yield `${scope}${value.name}`;
        break;
      }
      case 'service':
        for (const method of type.methods) yield `${type.typeName}.${method.name}`;
        break;
      default:
    }
  }
}

function* memberSymbols(type: DescMessage): Generator<string> {
  for (const member of [...type.fields, ...type.oneofs]) yield `${type.typeName}.${member.name}`;
}

function extensionsOf(file: DescFile): DescExtension[] {
  return [...nestedTypes(file)].filter((type) => type.kind === 'extension');
}
