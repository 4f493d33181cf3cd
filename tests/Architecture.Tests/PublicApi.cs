using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Architecture.Tests;

/// <summary>The public API of an assembly as text: one line a type, one a member, in the order of their names.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly NullabilityInfoContext Nullability = new();

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(bool)] = "bool", [typeof(byte)] = "byte", [typeof(sbyte)] = "sbyte", [typeof(char)] = "char",
        [typeof(short)] = "short", [typeof(ushort)] = "ushort", [typeof(int)] = "int", [typeof(uint)] = "uint", [typeof(long)] = "long",
        [typeof(ulong)] = "ulong", [typeof(float)] = "float", [typeof(double)] = "double", [typeof(string)] = "string", [typeof(object)] = "object",
    };

    public static string[] Describe(Assembly assembly)
    {
        var lines = new List<string>();
        foreach (var type in assembly.GetExportedTypes().OrderBy(NameOf, StringComparer.Ordinal))
        {
            lines.Add(Header(type));
            lines.AddRange(Members(type).Order(StringComparer.Ordinal).Select(member => $"  {NameOf(type)}.{member}"));
        }
        return [.. lines];
    }

    private static string Header(Type type)
    {
        var kind = type.IsEnum ? $"enum : {Name(Enum.GetUnderlyingType(type))}"
            : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
            : type.IsInterface ? "interface"
            : type.IsValueType ? (type.IsByRefLike ? "ref struct" : "struct")
            : type is { IsAbstract: true, IsSealed: true } ? "static class"
            : type.IsAbstract ? "abstract class"
            : type.IsSealed ? "sealed class" : "class";
        IEnumerable<Type> bases = type.IsClass && type.BaseType is { } parent && parent != typeof(object) ? [parent] : [];
        var parents = type.IsEnum ? [] : bases.Concat(type.GetInterfaces().Where(i => i.IsVisible).OrderBy(Name, StringComparer.Ordinal)).ToArray();
        return $"{kind} {type.Namespace}.{NameOf(type)}" + (parents.Length == 0 ? "" : " : " + string.Join(", ", parents.Select(Name)));
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum) return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture)}");
        return type.GetMembers(Declared).Select(Describe).OfType<string>();
    }

    // Null for what can't be seen from outside, and for what the compiler makes of a declaration that is described already.
    private static string? Describe(MemberInfo member) => member switch
    {
        FieldInfo field when IsVisible(field) => $"{field.Name}: {(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}" +
            $"{(field.IsInitOnly ? "readonly " : "")}{Name(field.FieldType, Nullability.Create(field))}" +
            (field.IsLiteral ? $" = {Value(field.GetRawConstantValue())}" : ""),
        PropertyInfo property when (property.GetMethod ?? property.SetMethod)! is { } accessor && IsVisible(accessor) => Property(property, accessor),
        EventInfo e when IsVisible(e.AddMethod!) => $"{e.Name}: event {Name(e.EventHandlerType!)}",
        ConstructorInfo constructor when IsVisible(constructor) && !constructor.IsStatic => $"new({Parameters(constructor)})",
        MethodInfo method when IsVisible(method) && IsDeclared(method) => Method(method),
        _ => null,
    };

    private static bool IsVisible(FieldInfo field) => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly;

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsDeclared(MethodInfo method) =>
        !method.IsDefined(typeof(CompilerGeneratedAttribute)) && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal));

    private static string Property(PropertyInfo property, MethodInfo accessor)
    {
        var index = property.GetIndexParameters();
        var required = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : "";
        var setter = property.SetMethod is { } set && IsVisible(set)
            ? set.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? " init;" : " set;"
            : "";
        return $"{property.Name}{(index.Length == 0 ? "" : $"[{string.Join(", ", index.Select(Parameter))}]")}: {Modifiers(accessor)}{required}" +
            $"{Name(property.PropertyType, Nullability.Create(property))} {{ {(property.GetMethod is { } get && IsVisible(get) ? "get;" : "")}{setter} }}";
    }

    private static string Method(MethodInfo method)
    {
        var generic = method.IsGenericMethodDefinition ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";
        return $"{method.Name}{generic}({Parameters(method)}): {Modifiers(method)}{Name(method.ReturnType, Nullability.Create(method.ReturnParameter))}";
    }

    private static string Modifiers(MethodInfo method)
    {
        if (method.DeclaringType!.IsInterface) return method.IsStatic ? "static " : method.IsAbstract ? "" : "default ";
        var access = method.IsPublic ? "" : "protected ";
        if (method.IsStatic) return access + "static ";
        if (!method.IsVirtual || method.IsFinal) return access;
        if (method.GetBaseDefinition() != method) return access + (method.IsAbstract ? "abstract override " : "override ");
        return access + (method.IsAbstract ? "abstract " : "virtual ");
    }

    private static string Parameters(MethodBase method) =>
        (method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "") + string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        var way = parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "";
        var many = parameter.IsDefined(typeof(ParamArrayAttribute)) || parameter.IsDefined(typeof(ParamCollectionAttribute)) ? "params " : "";
        var type = parameter.ParameterType.IsByRef ? parameter.ParameterType.GetElementType()! : parameter.ParameterType;
        return $"{many}{way}{Name(type, Nullability.Create(parameter))} {parameter.Name}" + (parameter.HasDefaultValue ? $" = {Value(parameter.DefaultValue)}" : "");
    }

    private static string Value(object? value) => value switch
    {
        null => "default",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    // With the names of the types it is nested in; namespaces are left out, because no two of ours share a name.
    private static string NameOf(Type type) => type.IsNested ? $"{NameOf(type.DeclaringType!)}.{Name(type)}" : Name(type);

    private static string Name(Type type) => Name(type, null);

    private static string Name(Type type, NullabilityInfo? nullability)
    {
        var mark = nullability is { ReadState: NullabilityState.Nullable } && !type.IsValueType ? "?" : "";
        if (type.IsByRef) return "ref " + Name(type.GetElementType()!);
        if (Keywords.TryGetValue(type, out var keyword)) return keyword + mark;
        if (Nullable.GetUnderlyingType(type) is { } underlying) return Name(underlying) + "?";
        if (type.IsArray) return Name(type.GetElementType()!, nullability?.ElementType) + "[]" + mark;
        if (!type.IsGenericType) return type.Name + mark;
        var name = new StringBuilder(type.Name.Split('`')[0]).Append('<');
        var arguments = type.GetGenericArguments();
        for (var i = 0; i < arguments.Length; i++)
            name.Append(i == 0 ? "" : ", ").Append(Name(arguments[i], nullability?.GenericTypeArguments.ElementAtOrDefault(i)));
        return name.Append('>').Append(mark).ToString();
    }
}
