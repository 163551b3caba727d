// @peculiar/x509 needs the metadata functions of Reflect to be there when it is loaded, and asks nothing of them but that no
// constructor of its own has any: its dependency container looks for parameters to inject, and there are none. So this says
// "none", and leaves a whole implementation alone where a program has loaded one.
interface MetadataReader {
  getMetadata?: (key: unknown, target: object) => unknown;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
}

const reader = Reflect as MetadataReader;
reader.getMetadata ??= () => undefined;
reader.getOwnMetadata ??= () => undefined;
