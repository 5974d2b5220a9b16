/** The package ships its types under another name. */
declare module 'onnxruntime-node' {
  export * from 'onnxruntime-common'
}
