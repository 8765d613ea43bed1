"""Makes a graph smaller while a property of it holds."""
import numpy as np
import onnx
from onnx import helper, numpy_helper

TRIES_MOST = 400


def describe(model):
    constants = {t.name: list(t.dims) for t in model.graph.initializer}
    lines = []
    for n in model.graph.node:
        inputs = ", ".join(f"{i}{constants[i]}" if i in constants else i or "-" for i in n.input)
        attributes = " ".join(f"{a.name}={text_of(a)}" for a in n.attribute)
        lines.append(f"{','.join(n.output)} = {n.op_type}({inputs}) {attributes}".strip())
    return lines + ["outputs " + ", ".join(o.name for o in model.graph.output)]


def text_of(attribute):
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return str(numpy_helper.to_array(value).tolist())[:60]
    return value.decode() if isinstance(value, bytes) else str(value)


def copy_of(model):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def tidy(model):
    """Without the nodes and constants that no output needs."""
    needed = {o.name for o in model.graph.output}
    nodes = []
    for n in reversed(list(model.graph.node)):
        if any(o in needed for o in n.output):
            needed.update(n.input)
            nodes.append(n)
    initializers = [t for t in model.graph.initializer if t.name in needed]
    copy = copy_of(model)
    del copy.graph.node[:], copy.graph.initializer[:]
    copy.graph.node.extend(reversed(nodes))
    copy.graph.initializer.extend(initializers)
    return copy


def output_info(name):
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)


def rename_input(model, node, old, new):
    for i, name in enumerate(model.graph.node[node].input):
        if name == old:
            model.graph.node[node].input[i] = new


def fewer_outputs(model):
    outputs = list(model.graph.output)
    for o in outputs if len(outputs) > 1 else []:
        copy = copy_of(model)
        del copy.graph.output[:]
        copy.graph.output.append(o)
        yield tidy(copy)


def earlier_outputs(model):
    """An inner value is the output."""
    for n in model.graph.node:
        for name in n.output:
            if name not in {o.name for o in model.graph.output} and n.op_type != "Constant":
                copy = copy_of(model)
                del copy.graph.output[:]
                copy.graph.output.append(output_info(name))
                yield tidy(copy)


def bypassed(model):
    """A node's readers read its input instead."""
    for n in reversed(list(model.graph.node)):
        for source in list(n.input)[:2]:
            if not source or n.op_type == "Constant":
                continue
            copy = copy_of(model)
            for m in range(len(copy.graph.node)):
                rename_input(copy, m, n.output[0], source)
            for o in copy.graph.output:
                if o.name == n.output[0]:
                    o.name = source
            if not any(o.name in ("x",) for o in copy.graph.output):
                yield tidy(copy)


def fewer_attributes(model):
    for i, n in enumerate(model.graph.node):
        for k in range(len(n.attribute)):
            copy = copy_of(model)
            del copy.graph.node[i].attribute[k]
            yield copy


def smaller_attributes(model):
    """Pads are left out, strides and dilations become 1, one number at a time."""
    least = {"pads": 0, "strides": 1, "dilations": 1}
    for i, n in enumerate(model.graph.node):
        for k, a in enumerate(n.attribute):
            for j, v in enumerate(a.ints):
                if a.name in least and v != least[a.name]:
                    copy = copy_of(model)
                    copy.graph.node[i].attribute[k].ints[j] = least[a.name]
                    yield copy


def plainer_constants(model):
    """All ones, or rounded."""
    for i, t in enumerate(model.graph.initializer):
        if t.data_type != onnx.TensorProto.FLOAT or not np.prod(t.dims):
            continue
        array = numpy_helper.to_array(t)
        for plain in (np.ones_like(array), np.zeros_like(array), np.round(array * 4) / 4):
            if not np.array_equal(plain, array):
                copy = copy_of(model)
                copy.graph.initializer[i].CopyFrom(numpy_helper.from_array(plain, t.name))
                yield copy


def smaller_input(model, samples):
    """One row, column or channel of the input less."""
    for axis in range(1, samples.ndim):
        if samples.shape[axis] > 1:
            less = np.delete(samples, -1, axis)
            copy = copy_of(model)
            dims = copy.graph.input[0].type.tensor_type.shape.dim
            dims[axis].dim_value = less.shape[axis]
            yield copy, less


def of_model(change):
    return lambda model, samples: ((m, samples) for m in change(model))


def fewer_samples(model, samples):
    if len(samples) > 1:
        yield model, samples[:1]


CHANGES = [fewer_samples] + [of_model(c) for c in (
    fewer_outputs, earlier_outputs, bypassed, fewer_attributes, smaller_attributes)] + [
    smaller_input, of_model(plainer_constants)]


def shrink(model, samples, still):
    """The smallest (model, samples) found for which still(model, samples)."""
    best, left = (tidy(model), samples), TRIES_MOST
    progress = True
    while progress and left > 0:
        progress = False
        for change in CHANGES:
            better = True
            while better and left > 0:
                better = False
                for m, s in change(*best):
                    left -= 1
                    if len(m.graph.node) and still(m, s):
                        best, better, progress = (m, s), True, True
                        break
                    if left <= 0:
                        break
    return best
