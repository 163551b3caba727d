// PURE. What operating systems and the servers of shares leave in folders for themselves, by name: what no person ever made or will miss.

const names = new Set([
  // Windows
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'folder.htt',
  '$recycle.bin',
  'recycler',
  'recycled',
  'system volume information',
  'dfsrprivate',
  'hiberfil.sys',
  'pagefile.sys',
  'swapfile.sys',
  // macOS
  '.ds_store',
  '.localized',
  '.fseventsd',
  '.spotlight-v100',
  '.temporaryitems',
  '.trashes',
  '.volumeicon.icns',
  '.appledouble',
  '.appledb',
  '.appledesktop',
  'network trash folder',
  'temporary items',
  'icon\r',
  // Linux and storage systems
  'lost+found',
  '.directory',
  '~snapshot',
  '.snapshot',
  '.snapshots',
  '@eadir',
  '#recycle',
]);

/** Whether a file or folder of this name belongs to a system. Names that begin with "._" are what macOS could not keep in the file itself. */
export function isSystemName(name: string): boolean {
  return name.startsWith('._') || names.has(name.toLowerCase()) || /^\.(?:trash-\d+|nfs[\da-f]{16,})$/i.test(name); // oxfmt-ignore
}
