// Whether every method of the API says who may call it. A method without the annotation would be one that nobody thought about.
import {
  createFileRegistry,
  getOption,
  hasOption,
  type DescExtension,
  type DescMethod,
  type FileRegistry,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';

const annotation = 'drover.v1.access';

/** The full names of the methods of a package that do not say who may call them, or say nobody. */
export function methodsWithoutAccess(files: FileDescriptorSet, apiPackage: string): string[] {
  // Looked up in the schema itself: the generated code of the annotation may be older than that.
  const registry = createFileRegistry(files);
  const access = registry.getExtension(annotation);
  return methodsOf(registry, apiPackage)
    .filter((method) => access === undefined || !saysWho(method, access))
    .map((method) => `${method.parent.typeName}.${method.name}`);
}

function methodsOf(registry: FileRegistry, apiPackage: string): DescMethod[] {
  return [...registry.files]
    .filter((file) => file.proto.package === apiPackage)
    .flatMap((file) => file.services)
    .flatMap((service) => service.methods);
}

function saysWho(method: DescMethod, access: DescExtension): boolean {
  if (!hasOption(method, access) || access.fieldKind !== 'message') return false;
  const message = reflect(access.message, getOption(method, access) as never);
  const chosen = message.oneofCase(access.message.oneofs[0]!);
  // A role of 0 is unspecified, and a false says that it is not so.
  return chosen !== undefined && Boolean(message.get(chosen));
}
