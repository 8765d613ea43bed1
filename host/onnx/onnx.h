/* ONNX files. The only part that knows protobuf. */
#ifndef ADAFIRE_ONNX_H
#define ADAFIRE_ONNX_H

#include "onnx/graph.h"

/* Reads an ONNX file and sorts its nodes. AF_IO, AF_BAD_FILE (damaged, cyclic, hostile sizes),
 * AF_UNSUPPORTED (opset out of 9..17, foreign domains), AF_NO_MEMORY. External data is read from
 * beside the file; a location outside its folder is refused. */
int onnx_load(const char *path, struct graph **graph);
/* The same from memory; `name` stands in messages, `folder` is where external data is, NULL: none.
 */
int onnx_parse(const char *name, const char *folder, const void *bytes, size_t size,
               struct graph **graph);
/* A file that holds one serialised TensorProto, as ONNX's node tests have them. */
int onnx_read_tensor(const char *path, struct tensor *t);

#endif
