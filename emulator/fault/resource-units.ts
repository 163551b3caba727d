// What a call costs. Pure.

export interface CostOptions {
  /** What a fragment of an upload costs; Microsoft does not say. */
  fragmentUnits: number;
}

/** A call, by its method and the path and query as they were sent. */
export interface PricedCall {
  method: string;
  target: string;
}

const readOne = 1;
const readManyOrWrite = 2;
const permissions = 5;

/** Resource units of one call to Graph or SharePoint; a batch is priced by its calls, not by this. */
export function resourceUnits({ method, target }: PricedCall, options: CostOptions): number {
  const [path, query] = splitOnce(target, '?');
  if (touchesPermissions(path, query)) return permissions;
  if (method === 'PUT' && isUploadUrl(path)) return options.fragmentUnits;
  if (method !== 'GET' && method !== 'HEAD') return readManyOrWrite;
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/:$/, '');
  if (/^delta(\(|$)/.test(name))
    return /(^|[&?])token=./i.test(query) || name.includes('token=') ? readOne : readManyOrWrite;
  // A closing colon ends the address of an item, so that what is called "children" there is one.
  const many = !path.endsWith(':') && lists.has(name) && !isItemPath(path);
  return many || name.startsWith('search(') ? readManyOrWrite : readOne;
}

const lists = new Set(['children', 'drives', 'sites', 'lists', 'versions', 'items', 'thumbnails']);

function touchesPermissions(path: string, query: string): boolean {
  if (/\/(permissions|invite|createLink|permission\/grant)(\/|$)/.test(path))
    return !isItemPath(path);
  return /(^|&)(\$|%24)expand=[^&]*\bpermissions\b/i.test(query);
}

export function isUploadUrl(path: string): boolean {
  return path.endsWith('/uploadSession') && !isItemPath(path);
}

/** Whether the path ends within the names of files and folders, as in root:/a/children. */
function isItemPath(path: string): boolean {
  return /(\/root|\/items\/[^/:]+):\/[^:]*$/.test(path);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
